// The egress guard on a real engine, tested by the probe that workers run before they take jobs.

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { label } from "@slipway/core";
import {
  bridgeOf,
  connectDocker,
  type Destination,
  ensureGuard,
  ensureNetwork,
  type GuardedBridge,
  networkName,
  parseDestination,
  probeEgress,
  removeGuardOf,
  restartGuard,
} from "@slipway/docker";
import { newInstallation, testEngine } from "@slipway/testkit";

const opened = new AsyncDisposableStack();
const { signal } = new AbortController();
const installation = opened.use(newInstallation());
const { docker } = opened.use(connectDocker({ dockerHost: (await testEngine()).dockerHost }));
const host = expect.stringMatching(/^the engine's host/);
let networkId: string;
let bridge: string;
let gateway: string;

beforeAll(async () => {
  const name = networkName(installation.id, "build");
  networkId = await ensureNetwork(docker, name, installation.id, signal);
  const network = await docker.getNetwork(networkId).inspect();
  bridge = bridgeOf(network);
  gateway = network.IPAM?.Config?.[0]?.["Gateway"] ?? "";
});

afterAll(() => opened.disposeAsync());

test("a network without a guard reaches the engine's host, and one with a guard does not", async () => {
  expect((await probe()).reached).toContainEqual(host);
  await guard([]);
  expect(await probe()).toEqual({ reached: [], resolved: true });
});

test("a guard with other rules replaces the former one, and what it opens is reached but for the network itself", async () => {
  const former = await guard([]);
  const open = [parseDestination(gateway), parseDestination(bridgeRange())].flatMap((one) => one ?? []);
  const next = await guard(open);
  expect(next.id).not.toBe(former.id);
  expect((await probe()).reached).toEqual([host]);
});

test("a guard that runs with these rules is kept", async () => {
  const former = await guard([]);
  expect(await guard([])).toEqual(former);
});

test("workers that start at the same time have one guard, also while they replace another", async () => {
  const destinations = [parseDestination("192.0.2.1")].flatMap((one) => one ?? []);
  for (const open of [destinations, []]) {
    const guards = await Promise.all(Array.from({ length: 6 }, () => guard(open)));
    expect(new Set(guards.map(({ id }) => id)).size).toBe(1);
  }
});

test("a guard that was stopped leaves its rules, and is started again", async () => {
  const { id } = await guard([]);
  await docker.getContainer(id).stop();
  expect((await probe()).reached).toEqual([]);
  expect(await restartGuard(docker, installation.id)).toBe(true);
  expect((await docker.getContainer(id).inspect()).State.Running).toBe(true);
});

test("on a network of the operator's, containers reach each other, but not the engine's host", async () => {
  const shared = await docker.createNetwork({
    Name: `${installation.id}-shared-${randomUUID()}`,
    Labels: { [label.installation]: installation.id },
  });
  const name = bridgeOf(await docker.getNetwork(shared.id).inspect());
  await guard([], { name, shared: true, open: [] });
  expect((await probe(shared.id)).reached).toEqual([expect.stringMatching(/^another container/)]);
});

test("a removed guard takes its rules along", async () => {
  await guard([]);
  await removeGuardOf(docker, installation.id);
  expect((await probe()).reached).toContainEqual(host);
  expect(await restartGuard(docker, installation.id)).toBe(false);
});

test("rules that the engine's host refuses are an error that says why and what to do", async () => {
  await expect(guard([{ range: "10.0.0.0/99", family: "ip", port: null }])).rejects.toMatchObject({
    code: "configuration-invalid",
    message: expect.stringMatching(
      /^the egress rules .+ cannot be set on the engine's host \(.+\): .+ set EGRESS=open/s,
    ),
  });
});

function guard(open: readonly Destination[], ...more: readonly GuardedBridge[]) {
  const rules = {
    table: `test-${installation.id}`,
    bridges: [{ name: bridge, shared: false, open: [] }, ...more],
    open,
  };
  return ensureGuard(docker, { installationId: installation.id, image: inject("stack").run, rules });
}

function probe(probed = networkId) {
  const image = inject("stack").run;
  const name = "registry.npmjs.org";
  return probeEgress(
    docker,
    { installationId: installation.id, image, networkId: probed, runtime: undefined, open: [], name },
    signal,
  );
}

/** The address range of the network's containers. */
function bridgeRange(): string {
  return `${gateway.split(".").slice(0, 3).join(".")}.0/24`;
}
