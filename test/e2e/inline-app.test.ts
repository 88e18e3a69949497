// An app with its own bin/detect and bin/compile, and the statuses of its failures.

import { expect, test } from "vitest";
import { packFolder } from "@slipway/cli/quickstart";
import { packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "./apps.ts";
import { call, createApp, deployed, page } from "./slipway.ts";

test("the inline sample is compiled and answers", async () => {
  const app = await createApp("inline");
  const sample = new URL("../../samples/hello-inline", import.meta.url).pathname;
  const { deployment } = await deployed(app.name, await packFolder(sample));
  expect(deployment.status).toBe("success");
  expect(await page(app.name)).toMatch(/hello/i);
});

test("a failing compile ends in build-error, with its output in the log", async () => {
  const app = await createApp("fails");
  const source = await packTarGz(
    inlineApp("echo about to fail\necho on stderr >&2\nexit 3", answering("never")),
  );
  const { deployment, log } = await deployed(app.name, source);
  expect(deployment).toMatchObject({
    status: "build-error",
    image: null,
    failure: { code: "build-failed", message: "on stderr", hint: expect.any(String), phase: "build" },
  });
  expect(log).toContain("about to fail\non stderr\n !     The buildpack failed with exit code 3\n");
  expect(log.match(/^ !     /gm)).toHaveLength(1);
});

test("an app that exits ends in crashed-error, one that never listens in timeout-error, and the old release keeps serving", async () => {
  const app = await createApp("keeps");
  const good = await deployed(app.name, await packTarGz(inlineApp("true", answering("first"))));
  expect(good.deployment.status).toBe("success");

  const crashed = await deployed(app.name, await packTarGz(inlineApp("true", "echo going down; exit 7")));
  expect(crashed.deployment).toMatchObject({
    status: "crashed-error",
    failure: {
      message: expect.stringMatching(/^going down \(the web process exited with code 7/),
      phase: "start",
    },
  });
  expect(crashed.log).toContain("going down");
  expect(await page(app.name)).toBe("first");

  const deaf = await deployed(app.name, await packTarGz(inlineApp("true", `PORT=3000 ${answering("x")}`)));
  expect(deaf.deployment).toMatchObject({
    status: "timeout-error",
    failure: { message: expect.stringContaining("it listens on 3000, but PORT is"), phase: "start" },
  });
  expect(await page(app.name)).toBe("first");
});

test("secret variables reach build and release, and never the log", async () => {
  const app = await createApp("secret");
  const variables = [
    { name: "API_SECRET", value: "hunter2-hunter2" },
    { name: "GREETING", value: "bonjour" },
  ];
  await call("PUT", `/v1/apps/${app.name}/variables`, { variables });
  const compile =
    'echo "the secret is $API_SECRET"; printf "%s" "$API_SECRET" | wc -c > /tmp/n; echo "length $(cat /tmp/n)"';
  const { deployment, log } = await deployed(
    app.name,
    await packTarGz(inlineApp(compile, answering("$GREETING"))),
  );
  expect(deployment.status).toBe("success");
  expect(log).not.toContain("hunter2");
  expect(log).toMatch(/length 15/);
  expect(await page(app.name)).toBe("bonjour");
});
