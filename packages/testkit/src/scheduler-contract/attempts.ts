// The contract of a scheduler about attempts: a rollout is started again, by the next attempt or by an earlier one.

import { expect, test } from "vitest";
import type { SchedulerUnderTest } from "./under-test.ts";
import { serve, start, startToFail, sendLineToAll } from "./rollouts.ts";

export function attemptsContract({
  scheduler,
  rolloutOf,
  promote,
  replace,
  untilContainers,
  untilGone,
}: SchedulerUnderTest): void {
  test("the next attempt removes the instances of the one before", async () => {
    const rollout = rolloutOf(serve("again"));
    const first = await start(scheduler(), rollout);
    const { addresses } = await start(scheduler(), { ...rollout, attempt: 2 });
    expect(await sendLineToAll(addresses)).toEqual(["again"]);
    expect(addresses).not.toEqual(first.addresses);
    await untilContainers(rollout, 1);
    await scheduler().discard(rollout.appId, rollout.rolloutId, { attempt: 2 });
    await scheduler().discard(rollout.appId, rollout.rolloutId, { attempt: 2 });
    await untilGone(rollout);
  });

  test("an earlier attempt fails with lease-lost and changes nothing", async () => {
    const rollout = rolloutOf(serve("ahead"), { attempt: 2 });
    const { addresses } = await start(scheduler(), rollout);
    const { error } = await startToFail(scheduler(), { ...rollout, attempt: 1 });
    expect(error).toMatchObject({ code: "lease-lost" });
    await scheduler().discard(rollout.appId, rollout.rolloutId, { attempt: 1 });
    expect(await sendLineToAll(addresses)).toEqual(["ahead"]);
    await scheduler().removeApp(rollout.appId);
  });

  test("another attempt at a serving rollout does not interrupt it", async () => {
    const rollout = rolloutOf(serve("serving"), { count: 2 });
    const { addresses } = await start(scheduler(), rollout);
    await promote(rollout);
    const again = await start(scheduler(), { ...rollout, attempt: 2 });
    expect(await sendLineToAll(addresses)).toEqual(["serving", "serving"]);
    await replace({ ...rollout, attempt: 2 });
    expect(await sendLineToAll(again.addresses)).toEqual(["serving", "serving"]);
    expect(await scheduler().addresses(rollout.appId, rollout.rolloutId)).toEqual(again.addresses);
    await untilContainers(rollout, 2);
    await scheduler().removeApp(rollout.appId);
  });
}
