// The contract of a scheduler about instances that do not listen in time: the error, and the hint that it contains.

import { expect, test } from "vitest";
import type { SchedulerUnderTest } from "./under-test.ts";
import { serve, startToFail } from "./rollouts.ts";

/** The limit includes the start of the container, which may take seconds on a busy machine. */
const bootTimeoutMs = 6_000;

export function bootTimeoutsContract({ scheduler, rolloutOf, untilGone }: SchedulerUnderTest): void {
  test.concurrent("an instance that never listens fails the start with boot-timeout", async () => {
    const rollout = rolloutOf("echo idle; sleep 600", { bootTimeoutMs });
    const { error, text } = await startToFail(scheduler(), rollout);
    expect(error).toMatchObject({ code: "boot-timeout" });
    expect(text).toBe("idle\n");
    await untilGone(rollout);
  });

  test.concurrent("boot-timeout names the loopback interface when an instance listens only there", async () => {
    const rollout = rolloutOf(serve("unreachable", { address: "127.0.0.1" }), { bootTimeoutMs });
    const { error } = await startToFail(scheduler(), rollout);
    expect(error).toMatchObject({ code: "boot-timeout", message: expect.stringContaining("127.0.0.1") });
  });

  test.concurrent("boot-timeout names the other port that an instance listens on", async () => {
    const script = `export PORT=3000; ${serve("unused")}`;
    const { error } = await startToFail(scheduler(), rolloutOf(script, { bootTimeoutMs }));
    const message = expect.stringContaining("it listens on 3000, but PORT is 8080");
    expect(error).toMatchObject({ code: "boot-timeout", message });
  });

  test.concurrent("boot-timeout names another port on the loopback interface", async () => {
    const script = `export PORT=3000; ${serve("unreachable", { address: "127.0.0.1" })}`;
    const { error } = await startToFail(scheduler(), rolloutOf(script, { bootTimeoutMs }));
    const message = expect.stringContaining("it listens on 127.0.0.1:3000, but PORT is 8080");
    expect(error).toMatchObject({ code: "boot-timeout", message });
  });
}
