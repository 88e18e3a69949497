// The contract of a scheduler about promotion: which rollout serves, and which ones it replaces.

import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import type { SchedulerUnderTest } from "./under-test.ts";
import { serve, start, sendLineToAll } from "./rollouts.ts";

export function replacingContract({
  scheduler,
  rolloutOf,
  next,
  promote,
  replace,
  untilGone,
  running,
}: SchedulerUnderTest): void {
  test("a former rollout serves until it is stopped, also after the promotion of the next one", async () => {
    const first = rolloutOf(serve("first"), { count: 2 });
    const second = next(first, serve("second"));
    const old = await start(scheduler(), first);
    await promote(first);
    const { addresses } = await start(scheduler(), second);
    expect(await sendLineToAll(old.addresses)).toEqual(["first", "first"]);
    expect(await sendLineToAll(addresses)).toEqual(["second"]);
    const { appId, releaseId, rolloutId, attempt } = first;
    const former = [{ appId, releaseId, rolloutId, attempt }];
    expect(await promote(second)).toEqual(former);
    expect(await promote(second)).toEqual(former);
    expect(await sendLineToAll(old.addresses)).toEqual(["first", "first"]);
    expect(await scheduler().list(appId)).toHaveLength(2);
    await replace(second);
    expect(await promote(second)).toEqual([]);
    expect(await sendLineToAll(addresses)).toEqual(["second"]);
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
    expect(await sendLineToAll(addresses)).toEqual(["web-1", "web-2"]);
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

  test("promoting a rollout without instances fails with not-found, and the serving one continues", async () => {
    const first = rolloutOf(serve("first"));
    const { addresses } = await start(scheduler(), first);
    await promote(first);
    await expect(promote(next(first, "true"))).rejects.toMatchObject({ code: "not-found" });
    expect(await sendLineToAll(addresses)).toEqual(["first"]);
    await scheduler().removeApp(first.appId);
  });
}
