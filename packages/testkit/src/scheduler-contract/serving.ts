// The contract of a scheduler about rollouts that start: addresses, promotion, replacement.

import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import type { SchedulerUnderTest } from "./under-test.ts";
import { eventually, lines, never, serve, start, talk, talkAll } from "./rollouts.ts";

export function servingContract({
  open,
  scheduler,
  rolloutOf,
  next,
  promote,
  replace,
  untilGone,
  running,
}: SchedulerUnderTest): void {
  test("a started instance answers at its address", async () => {
    const rollout = rolloutOf(serve("first"));
    const { addresses, text } = await start(scheduler(), rollout);
    expect(await talkAll(addresses)).toEqual(["first"]);
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
    expect(await talkAll(addresses)).toEqual(answers);
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
    await scheduler().removeApp(appId);
    await untilGone(rollout);
    expect(await scheduler().instances(appId)).toEqual([]);
  });

  test("an instance's host name resolves in its container, so an app can listen on HOSTNAME", async () => {
    const script = serve("$ENV{HOSTNAME}", { address: "$ENV{HOSTNAME}", says: "@{[`hostname`]}" });
    const rollout = rolloutOf(script, { appName: `a${"b".repeat(47)}` });
    const { addresses, text } = await start(scheduler(), rollout);
    const name = `${rollout.appName}-web-1`;
    expect(lines(text)[0]).toBe(name);
    expect(await talkAll(addresses)).toEqual([name]);
    await scheduler().removeApp(rollout.appId);
  });

  test("a variable HOSTNAME of the app replaces the host name", async () => {
    const script = serve("$ENV{HOSTNAME} $ENV{PORT}", { address: "$ENV{HOSTNAME}" });
    const rollout = rolloutOf(script, { environment: { HOSTNAME: "0.0.0.0", PORT: "1" } });
    const { addresses } = await start(scheduler(), rollout);
    expect(await talkAll(addresses)).toEqual(["0.0.0.0 8080"]);
    await scheduler().removeApp(rollout.appId);
  });

  test("a former rollout serves until it is stopped, also after the promotion of the next one", async () => {
    const first = rolloutOf(serve("first"), { count: 2 });
    const second = next(first, serve("second"));
    const old = await start(scheduler(), first);
    await promote(first);
    const { addresses } = await start(scheduler(), second);
    expect(await talkAll(old.addresses)).toEqual(["first", "first"]);
    expect(await talkAll(addresses)).toEqual(["second"]);
    const { appId, releaseId, rolloutId, attempt } = first;
    const former = [{ appId, releaseId, rolloutId, attempt }];
    expect(await promote(second)).toEqual(former);
    expect(await promote(second)).toEqual(former);
    expect(await talkAll(old.addresses)).toEqual(["first", "first"]);
    expect(await scheduler().list(appId)).toHaveLength(2);
    await replace(second);
    expect(await promote(second)).toEqual([]);
    expect(await talkAll(addresses)).toEqual(["second"]);
    await untilGone(first);
    expect(await running(first)).toEqual([second.rolloutId]);
    await scheduler().removeApp(first.appId);
  });

  test("a new rollout of the same release replaces the serving one", async () => {
    const first = rolloutOf(serve("$ENV{CONTAINER}"));
    const second = { ...first, rolloutId: randomUUID(), count: 2, deploymentId: null };
    await start(scheduler(), first);
    await promote(first);
    const { addresses } = await start(scheduler(), second);
    await replace(second);
    expect(await talkAll(addresses)).toEqual(["web-1", "web-2"]);
    expect(await running(first)).toEqual([second.rolloutId]);
    await scheduler().removeApp(first.appId);
  });

  test("a rollout without instances replaces the serving one", async () => {
    const first = rolloutOf(serve("first"));
    const none = next(first, serve("second"), { count: 0 });
    await start(scheduler(), first);
    await promote(first);
    expect((await start(scheduler(), none)).addresses).toEqual([]);
    await replace(none);
    await untilGone(first);
    expect(await scheduler().instances(first.appId)).toEqual([]);
    expect(await scheduler().addresses(first.appId, none.rolloutId)).toEqual([]);
  });

  test("a promoted instance that crashes is restarted", async () => {
    const rollout = rolloutOf(serve("alive"));
    const { addresses } = await start(scheduler(), rollout);
    await promote(rollout);
    expect(await talk(addresses[0], "die")).toBe("");
    await eventually(async () => {
      const answers = await talkAll(await scheduler().addresses(rollout.appId, rollout.rolloutId));
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
    const answers = await talkAll(started.flatMap(({ addresses }) => addresses));
    expect(answers).toEqual(["one", "two", "three"]);
    await Promise.all(rollouts.map(({ appId }) => scheduler().removeApp(appId)));
    expect(await Promise.all(rollouts.map(running))).toEqual([[], [], []]);
  });

  test("promoting a rollout without instances fails with not-found, and the serving one continues", async () => {
    const first = rolloutOf(serve("first"));
    const { addresses } = await start(scheduler(), first);
    await promote(first);
    await expect(promote(next(first, "true"))).rejects.toMatchObject({ code: "not-found" });
    expect(await talkAll(addresses)).toEqual(["first"]);
    await scheduler().removeApp(first.appId);
  });

  test("a ping resolves", async () => {
    await expect(scheduler().ping()).resolves.toBeUndefined();
  });
}
