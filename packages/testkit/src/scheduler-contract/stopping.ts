// The contract of a scheduler about stopping: how long instances have, and which instances a call stops.

import { expect, test } from "vitest";
import type { RolloutSpec, Scheduler } from "@slipway/core";
import { eventually, never, serve, start, sendLineToAll } from "./rollouts.ts";
import type { SchedulerUnderTest } from "./under-test.ts";

export function stoppingContract({
  open,
  scheduler,
  rolloutOf,
  next,
  promote,
  replace,
  untilGone,
  running,
}: SchedulerUnderTest): void {
  test.for([
    ["stop", (one: Scheduler, rollout: RolloutSpec) => one.stop(rollout, { signal: never })],
    ["removeApp", (one: Scheduler, { appId }: RolloutSpec) => one.removeApp(appId)],
  ] as const)(
    "%s kills an instance that ignores SIGTERM after the stopGraceMs of its rollout",
    async ([, stop]) => {
      const script = serve("$state", { ignoresTerm: true });
      const brief = rolloutOf(script, { stopGraceMs: 1000 });
      const withLongGrace = rolloutOf(script, { stopGraceMs: 600_000 });
      await start(scheduler(), brief);
      const { addresses } = await start(scheduler(), withLongGrace);
      const stopped = stop(scheduler(), withLongGrace);
      stopped.catch(() => undefined); // Awaited below.
      await eventually(async () => expect(await sendLineToAll(addresses)).toEqual(["stopping"]));
      await stop(scheduler(), brief);
      await untilGone(brief);
      expect(await sendLineToAll(addresses)).toEqual(["stopping"]);
      expect(await sendLineToAll(addresses, "die")).toEqual([""]);
      await stopped;
      await untilGone(withLongGrace);
    },
  );

  test("a start that is aborted or discarded leaves no instance that ignores SIGTERM, whatever its grace period", async () => {
    const stopGraceMs = 600_000;
    const aborted = rolloutOf(`trap "" TERM; echo up; sleep 600`, { stopGraceMs });
    const abort = new AbortController();
    const options = { signal: abort.signal, onOutput: () => abort.abort(new Error("aborted")) };
    await expect(scheduler().start(aborted, options)).rejects.toThrow("aborted");
    await untilGone(aborted);
    const discarded = rolloutOf(serve("$state", { ignoresTerm: true }), { stopGraceMs });
    await start(scheduler(), discarded);
    await scheduler().discard(discarded.appId, discarded.rolloutId, discarded);
    await untilGone(discarded);
  });

  test("a promoted instance that ignores SIGTERM is stopped and removed", async () => {
    const first = rolloutOf(`trap "" TERM; ${serve("stubborn")}`);
    const second = next(first, serve("second"));
    await start(scheduler(), first);
    await promote(first);
    await start(scheduler(), second);
    await replace(second);
    await untilGone(first);
    expect(await running(first)).toEqual([second.rolloutId]);
    await scheduler().removeApp(first.appId);
  });

  test("a stop after an aborted one, and two stops at once, remove the rollout", async () => {
    const first = rolloutOf(`trap "" TERM; ${serve("stubborn")}`, { count: 2 });
    const second = next(first, serve("second"));
    await start(scheduler(), first);
    await promote(first);
    const { addresses } = await start(scheduler(), second);
    const [former] = await promote(second);
    if (former === undefined) throw new Error("nothing was replaced");
    const stop = new AbortController();
    const aborted = scheduler().stop(former, { signal: stop.signal });
    stop.abort(new Error("aborted"));
    await expect(aborted).rejects.toThrow("aborted");
    await using other = open();
    await Promise.all([scheduler(), other].map((one) => one.stop(former, { signal: never })));
    await untilGone(first);
    expect(await running(first)).toEqual([second.rolloutId]);
    expect(await sendLineToAll(addresses)).toEqual(["second"]);
    await scheduler().removeApp(first.appId);
  });

  test("a stop does not affect instances that a later attempt started", async () => {
    const rollout = rolloutOf(serve("later"), { attempt: 2 });
    const { addresses } = await start(scheduler(), rollout);
    await promote(rollout);
    await scheduler().stop({ ...rollout, attempt: 1 }, { signal: never });
    expect(await sendLineToAll(addresses)).toEqual(["later"]);
    await scheduler().removeApp(rollout.appId);
  });
}
