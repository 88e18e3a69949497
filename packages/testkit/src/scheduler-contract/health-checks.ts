// The contract of a scheduler about the health check of an image: the start waits for it, and the error explains one that fails.

import { expect, test } from "vitest";
import { serve, start, startToFail } from "./rollouts.ts";
import type { SchedulerUnderTest } from "./under-test.ts";

const healthcheck = (script: string) => ({ command: ["/bin/sh", "-c", script], timeoutMs: 30_000 });
/** Enough for one check on a busy machine. */
const bootTimeoutMs = 8_000;

export function healthChecksContract({ scheduler, rolloutOf, untilGone }: SchedulerUnderTest): void {
  test("a start waits until the health check has succeeded", async () => {
    const script = `(sleep 2; echo is ready; : >/tmp/ready) & ${serve("healthy")}`;
    const rollout = rolloutOf(script, { healthcheck: healthcheck("test -e /tmp/ready") });
    const { text } = await start(scheduler(), rollout);
    expect(text).toContain("is ready");
  });

  test("boot-timeout names the exit code of a health check and the last line of its output", async () => {
    const check = healthcheck("echo looking; echo not ready; exit 3");
    const rollout = rolloutOf(serve("unhealthy"), { healthcheck: check, bootTimeoutMs });
    const { error } = await startToFail(scheduler(), rollout);
    expect(error).toMatchObject({
      code: "boot-timeout",
      message: expect.stringContaining(
        "but the HEALTHCHECK of its image did not succeed within 8 s: it exited with code 3: not ready",
      ),
    });
    await untilGone(rollout);
  });

  test("boot-timeout names the port instead of the health check when an instance does not listen", async () => {
    const rollout = rolloutOf("sleep 600", { healthcheck: healthcheck("exit 0"), bootTimeoutMs: 3_000 });
    const { error } = await startToFail(scheduler(), rollout);
    const message = expect.stringMatching(/did not listen on PORT \(8080\) within 3 s$/);
    expect(error).toMatchObject({ code: "boot-timeout", message });
  });
}
