// An abort ends its deployment in any phase, leaves nothing on the engine, and lets the next deployment of the lane run.

import { connectDocker, findContainers } from "@slipway/docker";
import { label } from "@slipway/core";
import { packTarGz, testEngine } from "@slipway/testkit";
import { expect, test } from "vitest";
import { answering, inlineApp } from "./apps.ts";
import { call, createApp, deploy, deployed, ended, follow, linesOf, output, page } from "./slipway.ts";
import type { AppJson, DeploymentJson } from "./slipway.ts";

const endless = { compile: "echo begun; sleep 600", web: answering("never") };
const neverListens = { compile: "true", web: "echo begun; exec sleep 600" };

test.for([
  ["a build", endless],
  ["a start", neverListens],
] as const)("%s that is aborted leaves nothing, and the next deployment of the app runs", async ([, how]) => {
  const app = await createApp("abort");
  const running = await deploy(app.name, await packTarGz(inlineApp(how.compile, how.web)));
  const waiting = await deploy(app.name, await packTarGz(inlineApp("true", answering("unwanted"))));
  await untilLogged(app, running.id, "begun");
  expect((await abort(app, waiting.id)).status).toBe("aborted");
  const requestedAt = performance.now();
  expect((await abort(app, running.id)).status).toBe("aborted");
  await expect.poll(() => containersOf(running.id), { timeout: 30_000 }).toEqual([]);
  const goneMs = Math.round(performance.now() - requestedAt);
  console.info(`nothing of the aborted deployment was left ${goneMs} ms after the request`);
  await expect.poll(() => output(app.name, running.id)).toContain("Aborted: by admin");
  expect(await output(app.name, waiting.id)).toBe(" !     Aborted: by admin\n");

  const next = await deployed(app.name, await packTarGz(inlineApp("true", answering("next"))));
  expect(next.deployment.status).toBe("success");
  expect(await page(app.name)).toBe("next");
  expect((await ended(app.name, running.id)).status).toBe("aborted");
});

async function abort(app: AppJson, id: string): Promise<DeploymentJson> {
  const path = `/v1/apps/${app.name}/deployments/${id}/abort`;
  return (await call<{ deployment: DeploymentJson }>("POST", path)).deployment;
}

async function untilLogged(app: AppJson, id: string, line: string): Promise<void> {
  await follow(app, (frames) => linesOf(frames, id).some((content) => content.includes(line)));
}

async function containersOf(deploymentId: string): Promise<string[]> {
  using connection = connectDocker({ dockerHost: (await testEngine()).dockerHost });
  const containers = await findContainers(connection.docker, { [label.deployment]: deploymentId });
  return containers.map(({ Names }) => Names.join());
}
