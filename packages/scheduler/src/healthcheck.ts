// The engine's own health check of an instance: healthy is one that listens on its port.

import { appPort } from "./instance-config.ts";
import { lookFunction } from "./listening.ts";

/** Set by the first look that found the app listening; memory of the container, gone with it. */
const marker = "/dev/shm/.slipway-listens";
const bootLooks = 250;
const steadyEverySeconds = 20;
const nsPerMs = 1_000_000;

/**
 * Each look that the engine begins costs a process in the container, so looks are few and long: while the app boots one
 * waits for it, ten times a second, and ends as soon as it listens; from then on one waits before it looks. The engine
 * begins the next as soon as one ended. An app that has not listened for a minute is unhealthy, but not while it may boot.
 */
export function healthcheck(bootTimeoutMs: number) {
  const script = `${lookFunction(appPort)}
if [ -e ${marker} ]; then
  sleep ${steadyEverySeconds}
  look
  [ -n "$found" ]
  exit
fi
looks=0
while look; [ -z "$found" ]; do
  looks=$((looks + 1))
  [ $looks -lt ${bootLooks} ] || exit 1
  sleep 0.1
done
: >${marker}`;
  return {
    Test: ["CMD", "/bin/sh", "-c", script],
    Interval: 200 * nsPerMs,
    Timeout: 60_000 * nsPerMs,
    StartPeriod: (bootTimeoutMs + 60_000) * nsPerMs,
    Retries: 3,
  };
}
