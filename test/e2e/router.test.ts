// Clients that keep their connections to an app open do not notice a cutover of the app.

import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { packTarGz } from "@slipway/testkit";
import { expect, test } from "vitest";
import { answering, inlineApp } from "./apps.ts";
import { call, createApp, deployed, ended, operated, toScale, visit } from "./slipway.ts";
import type { AppJson, DeploymentJson } from "./slipway.ts";

const clients = 8;
const rounds = 4;
/** Pause between a client's requests. Without it, the clients would take the CPU time of the deployments. */
const pauseMs = 20;

test("no request of clients on open connections fails during twenty cutovers", async () => {
  const app = await createApp("cutover");
  const url = new URL(app.url);
  const source = (version: number) => packTarGz(inlineApp("true", answering(`version ${version}`)));
  expect((await visit(url)).status).toBe(503);
  expect((await deployed(app.name, await source(0))).deployment.status).toBe("success");

  const stopped = new AbortController();
  const work = Promise.all(Array.from({ length: clients }, () => keepRequesting(url, stopped.signal)));
  let cutovers = 0;
  for (let version = 1; version <= rounds; version += 1) {
    const { deployment } = await deployed(app.name, await source(version));
    const scaled = await operated(app, "scale", toScale((version % 2) + 1));
    const restarts = [await operated(app, "restart"), await operated(app, "restart")];
    expect((await visit(url)).body).toBe(`version ${version}`);
    const ends = [deployment, scaled, ...restarts, await rolledBack(app)];
    expect(ends.map(({ status }) => status)).toEqual(["success", "done", "done", "done", "success"]);
    expect((await visit(url)).body).toBe("version 0");
    cutovers += ends.length;
  }
  stopped.abort();
  const received = (await work).flat();
  const failures = received.filter((answer) => !/^200 version \d+$/.test(answer));
  console.info(`${received.length} requests through ${cutovers} cutovers, ${failures.length} failed`);
  expect(failures).toEqual([]);
  expect(new Set(received).size).toBe(rounds + 1);
}, 240_000);

/** Rolls back to the first release. */
async function rolledBack(app: AppJson): Promise<DeploymentJson> {
  const path = `/v1/apps/${app.name}/deployments`;
  const first = { deployment: { release: 1 } };
  const { deployment } = await call<{ deployment: DeploymentJson }>("POST", path, first);
  return ended(app.name, deployment.id);
}

async function keepRequesting(url: URL, signal: AbortSignal): Promise<string[]> {
  const answers: string[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  while (!signal.aborted) {
    try {
      const { status, body } = await visit(url, agent);
      answers.push(`${status} ${body}`);
    } catch (error) {
      answers.push(String(error));
    }
    await sleep(pauseMs);
  }
  agent.destroy();
  return answers;
}
