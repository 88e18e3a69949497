// What a scheduler promises when a rollout is started again, by the next attempt or by one that was overtaken.

import { expect, test } from "vitest";
import type { SchedulerUnderTest } from "./under-test.ts";
import { serve, start, startToFail, talkAll } from "./rollouts.ts";

export function attemptsContract({
  scheduler,
  rolloutOf,
  promote,
  replace,
  untilContainers,
  untilGone,
}: SchedulerUnderTest): void {
  test("a further attempt removes what the one before left", async () => {
    const rollout = rolloutOf(serve("again"));
    const left = await start(scheduler(), rollout);
    const { addresses } = await start(scheduler(), { ...rollout, attempt: 2 });
    expect(await talkAll(addresses)).toEqual(["again"]);
    expect(addresses).not.toEqual(left.addresses);
    await untilContainers(rollout, 1);
    await scheduler().discard(rollout.appId, rollout.rolloutId, { attempt: 2 });
    await scheduler().discard(rollout.appId, rollout.rolloutId, { attempt: 2 });
    await untilGone(rollout);
  });

  test("an attempt that was overtaken does no harm", async () => {
    const rollout = rolloutOf(serve("ahead"), { attempt: 2 });
    const { addresses } = await start(scheduler(), rollout);
    const { error } = await startToFail(scheduler(), { ...rollout, attempt: 1 });
    expect(error).toMatchObject({ code: "lease-lost" });
    await scheduler().discard(rollout.appId, rollout.rolloutId, { attempt: 1 });
    expect(await talkAll(addresses)).toEqual(["ahead"]);
    await scheduler().removeApp(rollout.appId);
  });

  test("a further attempt at a rollout that serves already does not interrupt it", async () => {
    const rollout = rolloutOf(serve("serving"), { count: 2 });
    const { addresses } = await start(scheduler(), rollout);
    await promote(rollout);
    const again = await start(scheduler(), { ...rollout, attempt: 2 });
    expect(await talkAll(addresses)).toEqual(["serving", "serving"]);
    await replace({ ...rollout, attempt: 2 });
    expect(await talkAll(again.addresses)).toEqual(["serving", "serving"]);
    expect(await scheduler().addresses(rollout.appId, rollout.rolloutId)).toEqual(again.addresses);
    await untilContainers(rollout, 2);
    await scheduler().removeApp(rollout.appId);
  });
}
