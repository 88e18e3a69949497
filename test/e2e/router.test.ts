// Whoever keeps asking an app, on connections that stay open, notices nothing of its deployments.

import { Agent } from "node:http";
import { packTarGz } from "@slipway/testkit";
import { expect, test } from "vitest";
import { answering, inlineApp } from "./apps.ts";
import { createApp, deployed, visit } from "./slipway.ts";

const clients = 8;
const deployments = 5;

test("clients on open connections ask through deployments, and no request fails", async () => {
  const app = await createApp("switch");
  const url = new URL(app.url);
  const source = (version: number) => packTarGz(inlineApp("true", answering(`version ${version}`)));
  expect((await visit(url)).status).toBe(503);
  expect((await deployed(app.name, await source(0))).deployment.status).toBe("success");

  const stopped = new AbortController();
  const work = Promise.all(Array.from({ length: clients }, () => keepAsking(url, stopped.signal)));
  for (let version = 1; version <= deployments; version += 1) {
    const { deployment } = await deployed(app.name, await source(version));
    expect(deployment.status).toBe("success");
    expect((await visit(url)).body).toBe(`version ${version}`);
  }
  stopped.abort();
  const asked = (await work).flat();
  const failures = asked.filter((answer) => !/^200 version \d+$/.test(answer));
  console.info(`${asked.length} requests through ${deployments} switches, ${failures.length} failed`);
  expect(failures).toEqual([]);
  expect(new Set(asked).size).toBe(deployments + 1);
});

async function keepAsking(url: URL, signal: AbortSignal): Promise<string[]> {
  const answers: string[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  while (!signal.aborted) {
    try {
      const { status, body } = await visit(url, agent);
      answers.push(`${status} ${body}`);
    } catch (error) {
      answers.push(String(error));
    }
  }
  agent.destroy();
  return answers;
}
