// The engine's own health check of an instance, which is healthy while it listens on its port.

import type { RolloutSpec } from "@slipway/core";
import { portOf } from "./instance-config.ts";
import { lookFunction } from "./listening.ts";

/** Created by the first check that finds the app listening; in the container's memory, so that it disappears with the container. */
const marker = "/dev/shm/.slipway-listens";
const maxBootLooks = 250;
const steadyIntervalSeconds = 20;
const nsPerMs = 1_000_000;

/**
 * Each check starts a process in the container, so checks are few and long. While the app boots, a check probes ten times a second
 * and ends as soon as the app listens; afterwards a check sleeps before it probes once. The engine starts the next check
 * shortly after the previous one has ended. An app that has not listened for a minute is unhealthy, except during its boot timeout.
 */
export function healthcheck(rollout: Pick<RolloutSpec, "bootTimeoutMs" | "port">) {
  const script = `${lookFunction(portOf(rollout))}
if [ -e ${marker} ]; then
  sleep ${steadyIntervalSeconds}
  look
  [ -n "$found" ]
  exit
fi
looks=0
while look; [ -z "$found" ]; do
  looks=$((looks + 1))
  [ $looks -lt ${maxBootLooks} ] || exit 1
  sleep 0.1
done
: >${marker}`;
  return {
    Test: ["CMD", "/bin/sh", "-c", script],
    Interval: 200 * nsPerMs,
    Timeout: 60_000 * nsPerMs,
    StartPeriod: (rollout.bootTimeoutMs + 60_000) * nsPerMs,
    Retries: 3,
  };
}
