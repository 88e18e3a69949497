// The contract of a scheduler about instances that start: addresses, environment, restarts.

import { expect, test } from "vitest";
import type { SchedulerUnderTest } from "./under-test.ts";
import { eventually, lines, serve, start, sendLine, sendLineToAll } from "./rollouts.ts";

export function servingContract({
  open,
  scheduler,
  rolloutOf,
  promote,
  untilGone,
  running,
}: SchedulerUnderTest): void {
  test("a started instance answers at its address", async () => {
    const rollout = rolloutOf(serve("first"));
    const { addresses, text } = await start(scheduler(), rollout);
    expect(await sendLineToAll(addresses)).toEqual(["first"]);
    expect(text).toBe("about to listen\n");
    const { appId, releaseId, rolloutId, attempt } = rollout;
    expect(await scheduler().list()).toContainEqual({ appId, releaseId, rolloutId, attempt });
    await scheduler().removeApp(appId);
  });

  test("each of several instances has its own address, index and environment", async () => {
    const script = serve("$ENV{GREETING} $ENV{CONTAINER} $ENV{HOSTNAME}", { says: "$ENV{CONTAINER}" });
    const greeting = `{{ .Task }} "'$HOME\\`;
    const rollout = rolloutOf(script, { count: 3, environment: { GREETING: greeting } });
    const { addresses, text } = await start(scheduler(), rollout);
    const answers = [1, 2, 3].map((index) => `${greeting} web-${index} contract-web-${index}`);
    expect(await sendLineToAll(addresses)).toEqual(answers);
    expect(lines(text).toSorted()).toEqual(["web-1", "web-2", "web-3"]);
    await promote(rollout);
    expect(await scheduler().addresses(rollout.appId, rollout.rolloutId)).toEqual(addresses);
    const { appId, releaseId, releaseNumber, rolloutId, processType, limits } = rollout;
    const instances = await scheduler().instances(appId);
    expect(instances.map(({ address }) => address)).toEqual(addresses);
    expect(instances.map(({ index }) => index)).toEqual([1, 2, 3]);
    const { memoryBytes, cpus } = limits;
    const common = { appId, releaseId, releaseNumber, rolloutId, processType, memoryBytes, cpus };
    for (const instance of instances) expect(instance).toMatchObject({ ...common, state: "running" });
    expect(new Set(instances.map(({ id }) => id)).size).toBe(3);
    expect(await running(rollout)).toEqual([rolloutId]);
    const before = (await scheduler().fingerprints()).get(appId);
    expect(before).toMatch(/^[\w-]+$/);
    expect((await scheduler().fingerprints()).get(appId)).toBe(before);
    await scheduler().removeApp(appId);
    await untilGone(rollout);
    expect(await scheduler().instances(appId)).toEqual([]);
    expect((await scheduler().fingerprints()).has(appId)).toBe(false);
  });

  test("an instance's host name resolves in its container, so an app can listen on HOSTNAME", async () => {
    const script = serve("$ENV{HOSTNAME}", { address: "$ENV{HOSTNAME}", says: "@{[`hostname`]}" });
    const rollout = rolloutOf(script, { appName: `a${"b".repeat(47)}` });
    const { addresses, text } = await start(scheduler(), rollout);
    const name = `${rollout.appName}-web-1`;
    expect(lines(text)[0]).toBe(name);
    expect(await sendLineToAll(addresses)).toEqual([name]);
    await scheduler().removeApp(rollout.appId);
  });

  test("a variable HOSTNAME of the app replaces the host name", async () => {
    const script = serve("$ENV{HOSTNAME} $ENV{PORT}", { address: "$ENV{HOSTNAME}" });
    const rollout = rolloutOf(script, { environment: { HOSTNAME: "0.0.0.0", PORT: "1" } });
    const { addresses } = await start(scheduler(), rollout);
    expect(await sendLineToAll(addresses)).toEqual(["0.0.0.0 8080"]);
    await scheduler().removeApp(rollout.appId);
  });

  test("a promoted instance that crashes is restarted", async () => {
    const rollout = rolloutOf(serve("alive"));
    const { addresses } = await start(scheduler(), rollout);
    await promote(rollout);
    expect(await sendLine(addresses[0], "die")).toBe("");
    await eventually(async () => {
      const answers = await sendLineToAll(await scheduler().addresses(rollout.appId, rollout.rolloutId));
      expect(answers).toEqual(["alive"]);
    });
    await scheduler().removeApp(rollout.appId);
  });

  test("apps that start concurrently have different addresses", async () => {
    await using other = open();
    const rollouts = ["one", "two", "three"].map((answer) => rolloutOf(serve(answer)));
    const started = await Promise.all(
      rollouts.map((rollout, index) => start(index === 0 ? other : scheduler(), rollout)),
    );
    const answers = await sendLineToAll(started.flatMap(({ addresses }) => addresses));
    expect(answers).toEqual(["one", "two", "three"]);
    await Promise.all(rollouts.map(({ appId }) => scheduler().removeApp(appId)));
    expect(await Promise.all(rollouts.map(running))).toEqual([[], [], []]);
  });

  test("a ping resolves", async () => {
    await expect(scheduler().ping()).resolves.toBeUndefined();
  });
}
