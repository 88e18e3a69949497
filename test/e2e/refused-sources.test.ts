// Archives and URLs that cannot be deployed end in build-error, with a line that says why.

import { expect, test } from "vitest";
import { packTarGz } from "@slipway/testkit";
import { createApp, deployed, deployUrl, ended, output } from "./slipway.ts";

test.each([
  ["two folders at the root", { "one/a": "a", "two/b": "b" }, /one folder|single folder/i],
  ["a file at the root", { "package.json": "{}" }, /one folder|single folder/i],
  ["a path that leaves the folder", { "app/../../etc/passwd": "x" }, /\.\./],
  ["nothing a buildpack knows", { "app/readme.txt": "hello" }, /buildpack/i],
])("%s", async (_title, files, reason) => {
  const app = await createApp("refused");
  const { deployment, log } = await deployed(app.name, await packTarGz(files));
  expect(deployment.status).toBe("build-error");
  expect(log).toMatch(reason);
});

test("no gzip at all", async () => {
  const app = await createApp("refused");
  const { deployment, log } = await deployed(app.name, Buffer.from("<html>not an archive</html>"));
  expect(deployment.status).toBe("build-error");
  expect(log).toMatch(/gzip/i);
});

test("a URL to the platform's own network", async () => {
  const app = await createApp("refused");
  const { id } = await deployUrl(app.name, "http://169.254.169.254/latest/archive.tar.gz?token=hidden-value");
  expect((await ended(app.name, id)).status).toBe("build-error");
  expect(await output(app.name, id)).not.toContain("hidden-value");
});
