// The egress of builds, hooks and releases: each attack runs in all three, in one deployment, and its outcome is in the log or on the page.

import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { label } from "@slipway/core";
import { connectDocker, findContainers } from "@slipway/docker";
import { packTarGz, testEngine } from "@slipway/testkit";
import { answering, inlineApp } from "../e2e/apps.ts";
import { createApp, deployed, page } from "../e2e/slipway.ts";
import type { AppJson } from "../e2e/slipway.ts";
import {
  attacker,
  attacks,
  calls,
  listenOnMachine,
  type MachineTargets,
  oldCall,
  outcomesIn,
  type Targets,
} from "./egress-attacks.ts";

const places = ["build", "hook", "release"] as const;
const opened = new AsyncDisposableStack();
let outcomes: ReadonlyMap<string, string>;

beforeAll(async () => {
  const targets = await findTargets(opened.use(await listenOnMachine()));
  const app = await createApp("attacker");
  const log = await succeeded(app, attacker(targets));
  outcomes = outcomesIn(`${log}\n${await page(app.name)}`);
});

afterAll(() => opened.disposeAsync());

describe.each(places)("in a %s", (place) => {
  test.for([...attacks, ...calls, oldCall])("%s", ([name, , outcome]) => {
    expect(outcomes.get(`${place}: ${name}`)).toBe(outcome);
  });
});

test("the containers of apps have names that name no app, and labels that do", async () => {
  using connection = connectDocker({ dockerHost: (await testEngine()).dockerHost });
  const app = await createApp("named");
  await deployed(app.name, await packTarGz(inlineApp("true", answering("named"))));
  const found = await findContainers(connection.docker, { [label.app]: app.id });
  expect(found).toHaveLength(1);
  expect(found.flatMap(({ Names }) => Names).join()).not.toContain(app.name);
});

/** Deploys an app. @returns the log. @throws when the deployment fails. */
async function succeeded(app: AppJson, files: Record<string, string>): Promise<string> {
  const { deployment, log } = await deployed(app.name, await packTarGz(files));
  if (deployment.status !== "success")
    throw new Error(`the deployment ended as ${deployment.status}: ${log}`);
  return log;
}

/** Deploys the neighbor. */
async function findTargets({ LISTENER, HOST }: MachineTargets): Promise<Targets> {
  using connection = connectDocker({ dockerHost: (await testEngine()).dockerHost });
  const app = await createApp("neighbor");
  await succeeded(app, inlineApp("true", answering("here")));
  const [container] = await findContainers(connection.docker, { [label.app]: app.id });
  const [network] = Object.values(container?.NetworkSettings.Networks ?? {});
  return {
    LISTENER,
    HOST,
    API: new URL(inject("apiUrl")).port,
    REGISTRY: new URL(inject("stack").registryUrl).port,
    NEIGHBOR: network?.IPAddress ?? "",
    NEIGHBOR_APP: app.name,
    NEIGHBOR_PORT: String(container?.Ports.find(({ PublicPort }) => PublicPort)?.PublicPort ?? ""),
  };
}
