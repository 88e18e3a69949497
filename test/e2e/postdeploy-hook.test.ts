// A postdeploy hook runs once with the new release before it takes traffic; if it fails, the former release keeps serving.

import { packTarGz } from "@slipway/testkit";
import { expect, test } from "vitest";
import { answering, inlineApp } from "./apps.ts";
import { requestApi, call, createApp, deployed, ended, output, page, upload } from "./slipway.ts";
import type { DeploymentJson } from "./slipway.ts";

test("the Procfile's postdeploy hook runs, and a request's hook replaces it", async () => {
  const app = await createApp("hook");
  await call("PUT", `/v1/apps/${app.name}/variables`, {
    variables: [{ name: "GREETING", value: "bonjour" }],
  });
  const procfile = `web: ${answering("first")}\npostdeploy: echo "hook says $GREETING from $CONTAINER"\n`;
  const archive = await packTarGz(inlineApp("true", "", { Procfile: procfile }));
  const { deployment, log } = await deployed(app.name, archive);
  expect(deployment.status).toBe("success");
  expect(log).toMatch(
    /Running the postdeploy hook\nhook says bonjour from postdeploy-1\n(?:.*\n)*-----> Starting the app/,
  );

  const failing = await packTarGz(inlineApp("true", answering("second")));
  const source_url = await upload(failing);
  const body = { deployment: { source_url, postdeploy_hook: "echo about to fail; exit 7" } };
  const made = await call<{ deployment: DeploymentJson }>("POST", `/v1/apps/${app.name}/deployments`, body);
  const { id } = made.deployment;
  expect(await ended(app.name, id)).toMatchObject({
    status: "hook-error",
    postdeploy_hook: "echo about to fail; exit 7",
    failure: { code: "hook-failed", message: "the postdeploy hook exited with code 7" },
  });
  expect(await output(app.name, id)).toContain("about to fail");
  expect(await page(app.name)).toBe("first");
  const tooLong = { deployment: { source_url, postdeploy_hook: "x".repeat(5_000) } };
  expect((await requestApi("POST", `/v1/apps/${app.name}/deployments`, tooLong)).status).toBe(422);
});
