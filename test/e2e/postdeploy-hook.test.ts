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
    failure: {
      code: "hook-failed",
      message: "about to fail (the postdeploy hook exited with code 7)",
      hint: expect.stringContaining("former release"),
      phase: "hook",
    },
  });
  const lines = (await output(app.name, id)).split("\n");
  expect(lines).toContain("about to fail");
  const path = `/v1/apps/${app.name}/deployments/${id}`;
  const shown = await call<{ deployment: { failure: { line: number } } }>("GET", path);
  expect(lines[shown.deployment.failure.line - 1]).toBe("about to fail");
  type Timeline = {
    timeline: {
      attempts: { worker: string; outcome: string; phases: { name: string; outcome: string }[] }[];
    };
  };
  const { timeline } = await call<Timeline>("GET", `${path}/timeline`);
  expect(timeline.attempts).toMatchObject([{ worker: expect.stringMatching(/^worker/), outcome: "failed" }]);
  const phases = timeline.attempts[0]?.phases.map(({ name, outcome }) => `${name} ${outcome}`);
  expect(phases?.slice(0, 2)).toEqual(["fetch success", "plan success"]);
  expect(phases).toContain("push success");
  expect(phases).toContain("hook failed");
  expect(await page(app.name)).toBe("first");
  const tooLong = { deployment: { source_url, postdeploy_hook: "x".repeat(5_000) } };
  expect((await requestApi("POST", `/v1/apps/${app.name}/deployments`, tooLong)).status).toBe(422);
});
