// The contract of a scheduler about instances that do not listen in time: the error, and the hint that it contains.

import { expect, test } from "vitest";
import type { SchedulerUnderTest } from "./under-test.ts";
import { serve, startToFail } from "./rollouts.ts";

export function bootTimeoutsContract({ scheduler, rolloutOf, untilGone }: SchedulerUnderTest): void {
  test("an instance that never listens fails the start with boot-timeout", async () => {
    const rollout = rolloutOf("echo idle; sleep 600", { bootTimeoutMs: 3000 });
    const { error, text } = await startToFail(scheduler(), rollout);
    expect(error).toMatchObject({ code: "boot-timeout" });
    expect(text).toBe("idle\n");
    await untilGone(rollout);
  });

  test("boot-timeout names the loopback interface when an instance listens only there", async () => {
    const rollout = rolloutOf(serve("unreachable", { address: "127.0.0.1" }), { bootTimeoutMs: 3000 });
    const { error } = await startToFail(scheduler(), rollout);
    expect(error).toMatchObject({ code: "boot-timeout", message: expect.stringContaining("127.0.0.1") });
  });

  test("boot-timeout names the other port that an instance listens on", async () => {
    const script = `export PORT=3000; ${serve("unused")}`;
    const { error } = await startToFail(scheduler(), rolloutOf(script, { bootTimeoutMs: 3000 }));
    const message = expect.stringContaining("it listens on 3000, but PORT is 8080");
    expect(error).toMatchObject({ code: "boot-timeout", message });
  });

  test("boot-timeout names another port on the loopback interface", async () => {
    const script = `export PORT=3000; ${serve("unreachable", { address: "127.0.0.1" })}`;
    const { error } = await startToFail(scheduler(), rolloutOf(script, { bootTimeoutMs: 3000 }));
    const message = expect.stringContaining("it listens on 127.0.0.1:3000, but PORT is 8080");
    expect(error).toMatchObject({ code: "boot-timeout", message });
  });
}
