// The engine's own health check of an instance. The instance is healthy once it listens on its port and the HEALTHCHECK of its image has
// succeeded, and then while it listens.

import type { RolloutSpec } from "@slipway/core";
import { portOf } from "./instance-config.ts";
import { lookFunction } from "./listening.ts";

/** Created by the check in which the instance became healthy; in the container's memory, so that it disappears with the container. */
const marker = "/dev/shm/.slipway-listens";
const maxBootLooks = 250;
const maxImageChecks = 25;
const steadyIntervalSeconds = 20;
const nsPerMs = 1_000_000;

/**
 * Each check starts a process in the container, so checks are few and long. While the app boots, a check probes ten times a second
 * until the app listens, and then runs the image's check each second until it succeeds; afterwards a check sleeps before it probes once. The engine starts the next check
 * shortly after the previous one has ended. An app that has not listened for a minute is unhealthy, except during its boot timeout.
 */
export function engineHealthcheck(rollout: Pick<RolloutSpec, "bootTimeoutMs" | "healthcheck" | "port">) {
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
checks=0
[ $# -eq 0 ] || until "$@"; do
  checks=$((checks + 1))
  [ $checks -lt ${maxImageChecks} ] || exit 1
  sleep 1
done
: >${marker}`;
  return {
    Test: ["CMD", "/bin/sh", "-c", script, "healthcheck", ...(rollout.healthcheck?.command ?? [])],
    Interval: 200 * nsPerMs,
    Timeout: 60_000 * nsPerMs,
    StartPeriod: (rollout.bootTimeoutMs + 60_000) * nsPerMs,
    Retries: 3,
  };
}
