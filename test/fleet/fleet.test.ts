// A fleet on two Docker Engines: no app runs twice at the same time, every cache is found by any worker, one engine runs the releases.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Deployment } from "@slipway/core";
import { eventually, lacksEngine, lacksPrivateEngine, packTarGz, startPrivateEngine } from "@slipway/testkit";
import { hasFormer, violations } from "../chaos/invariants.ts";
import { SlipwayUnderTest } from "../chaos/slipway.ts";
import { reportStateOfFailed } from "../chaos/state.ts";
import { answering, inlineApp } from "../e2e/apps.ts";

const appCount = 30;
/** The first build of an app stores its name in the cache, the second one reads it. */
const compile = 'if [ -e "$2/app" ]; then echo "found $(cat "$2/app")"; else echo "$APP" >"$2/app"; fi';

describe.skipIf((await lacksEngine()) || (await lacksPrivateEngine()))("four workers on two engines", () => {
  const opened = new AsyncDisposableStack();
  let slipway: SlipwayUnderTest;
  beforeAll(async () => {
    const { dockerHost } = opened.use(await startPrivateEngine({ name: "fleet" }));
    const there = { DOCKER_HOST: dockerHost };
    const workers = [{}, there, {}, there];
    slipway = opened.use(await SlipwayUnderTest.start({ workers, engines: [dockerHost] }));
  });
  afterAll(() => opened.disposeAsync());
  afterEach(({ task }) => reportStateOfFailed(task, slipway));

  test("thirty apps, half of them deployed twice, are built while a worker is stopped and started again", async () => {
    const apps = await Promise.all(Array.from({ length: appCount }, () => slipway.createApp("fleet")));
    const source = await slipway.api.upload(await packTarGz(inlineApp(compile, answering("$APP"))));
    const first = await Promise.all(apps.map((app) => slipway.deployFrom(app, source, "one")));
    const again = apps.slice(0, appCount / 2);
    const second = await Promise.all(again.map((app) => slipway.deployFrom(app, source, "two")));
    await slipway.ended(first[appCount / 3] ?? "");
    const [, stopped] = slipway.workers;
    expect(await stopped?.stop()).toBe("code 0");
    await slipway.ended(second[0] ?? "");
    await stopped?.start();

    const accepted = [...first, ...second];
    const ended: Deployment[] = [];
    for (const id of accepted) ended.push(await slipway.ended(id));
    expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(["success"]));
    const { store, installationId, engines } = slipway;
    const containers = slipway.containers.lifetimes;
    const appIds = apps.map(({ id }) => id);
    const evidence = { store, installationId, appIds, accepted, followers: [], engines, containers };
    await eventually(async () => !(await hasFormer(evidence)));
    expect(await violations(evidence)).toEqual([]);

    // A deployment that was requeued after its build is not built again, and no other deployment is built twice.
    const counts = ended.map(({ id, attempt }) => [buildsOf(id).length, attempt] as const);
    expect(counts.filter(([built, attempt]) => built < 1 || built > attempt)).toEqual([]);
    expect(await Promise.all(second.map(foundInCache))).toEqual(again.map(({ name }) => `found ${name}`));
    const moved = second.filter((id, at) => buildsOf(id)[0]?.engine !== buildsOf(first[at] ?? "")[0]?.engine);
    expect(moved).not.toEqual([]);
    expect(new Set(containers.filter(({ kind }) => kind === "release").map(({ engine }) => engine))).toEqual(
      new Set([0]),
    );
    expect(await Promise.all(apps.map((app) => slipway.page(app)))).toEqual(apps.map(({ name }) => name));
  }, 300_000);

  test("operators see every worker, and the engine of each", async () => {
    const workers = await slipway.listWorkers();
    expect(workers.map(({ name, state }) => `${name} ${state}`)).toEqual([
      "worker-1 ready",
      "worker-2 ready",
      "worker-3 ready",
      "worker-4 ready",
    ]);
    const [one, two, three, four] = workers.map(({ engine }) => engine.address);
    expect([three, four]).toEqual([one, two]);
    expect(one).not.toBe(two);
  });

  function buildsOf(id: string) {
    return slipway.containers.lifetimes.filter(
      ({ kind, deploymentId }) => kind === "build" && deploymentId === id,
    );
  }

  async function foundInCache(id: string): Promise<string | undefined> {
    const chunks = await slipway.store.logs.read(id, 1, 1_000);
    return chunks.flatMap(({ text }) => text.split("\n")).find((line) => line.startsWith("found "));
  }
});
