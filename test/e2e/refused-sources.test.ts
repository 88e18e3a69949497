// Archives and URLs that cannot be deployed end with "build-error", and a log line gives the reason.

import { expect, test } from "vitest";
import { packTarGz } from "@slipway/testkit";
import { createApp, deployed, deployUrl, ended, output, requestApi } from "./slipway.ts";

test.each([
  ["two folders at the root", { "one/a": "a", "two/b": "b" }, /one folder|single folder/i],
  ["a file at the root", { "package.json": "{}" }, /one folder|single folder/i],
  ["a path that leaves the folder", { "app/../../etc/passwd": "x" }, /\.\./],
  ["nothing that a buildpack recognizes", { "app/readme.txt": "hello" }, /buildpack/i],
])("a source with %s ends in build-error, and the log says why", async (_title, files, reason) => {
  const app = await createApp("refused");
  // Otherwise the operator's CNB_BUILDER would be tried for apps that no buildpack recognizes.
  await requestApi("PATCH", `/v1/apps/${app.name}`, { app: { builder: "buildpacks" } });
  const { deployment, log } = await deployed(app.name, await packTarGz(files));
  expect(deployment.status).toBe("build-error");
  expect(log).toMatch(reason);
});

test("a source that is not gzip ends in build-error, and the log says why", async () => {
  const app = await createApp("refused");
  const { deployment, log } = await deployed(app.name, Buffer.from("<html>not an archive</html>"));
  expect(deployment.status).toBe("build-error");
  expect(log).toMatch(/gzip/i);
});

test("a source URL of Slipway's own network ends in build-error, and the log hides its query", async () => {
  const app = await createApp("refused");
  const { id } = await deployUrl(app.name, "http://169.254.169.254/latest/archive.tar.gz?token=hidden-value");
  expect((await ended(app.name, id)).status).toBe("build-error");
  expect(await output(app.name, id)).not.toContain("hidden-value");
});
