// Forwards the output of a booting instance, and waits for the output that the app wrote just before it listened.

import { pause } from "@slipway/async";
import { SlipwayError, type StartOptions } from "@slipway/core";
import { callEngine } from "@slipway/docker";
import type Docker from "dockerode";

/** The output counts as drained when nothing has arrived for this time, or for the time of a ping if that took longer. */
const quietMs = 30;
/** Time limit for an app that writes continuously. */
const maxDrainMs = 150;
/** The limit allows for this many such times. */
const quietsPerLimit = 5;

export interface BootOutput {
  /** Settles when the output has ended, or after `stop`. Rejects with an error of `onOutput`. */
  readonly delivered: Promise<void>;
  /** Resolves when all output up to now is forwarded. @throws the signal's reason when aborted. */
  drained(docker: Docker, signal: AbortSignal): Promise<void>;
  /** Finishes forwarding the current piece, and forwards no more. */
  stop(): void;
}

/** Begins to forward the output. */
export function forwardOutput(
  output: AsyncIterable<Uint8Array>,
  onOutput: StartOptions["onOutput"],
): BootOutput {
  const over = new AbortController();
  let busy = false;
  let lastAt = performance.now();
  const forward = async (): Promise<void> => {
    try {
      for await (const bytes of output) {
        busy = true;
        await onOutput(bytes);
        busy = false;
        lastAt = performance.now();
        if (over.signal.aborted) return;
      }
    } catch (error) {
      const detached =
        over.signal.aborted && error instanceof SlipwayError && error.code === "engine-unavailable";
      if (!detached) throw error;
    }
  };
  return {
    delivered: forward(),
    /**
     * Output passes through pipes of the container's supervisor and the engine, which report no end, and it may arrive later than
     * the report that the app listens. They forward at once, so pending output arrives within milliseconds on an idle machine. On a busy
     * one the engine's answer to a ping is as late as the output, so the wait grows with it.
     */
    drained: async (docker, signal) => {
      const begun = performance.now();
      await callEngine("answer", () => docker.ping(), { signal });
      const answered = performance.now();
      const quiet = Math.max(quietMs, answered - begun);
      const limit = answered + Math.max(maxDrainMs, quiet * quietsPerLimit);
      for (;;) {
        const now = performance.now();
        const quietSince = busy ? now : Math.max(answered, lastAt);
        const leftMs = Math.min(quietSince + quiet, limit) - now;
        if (leftMs <= 0) return;
        await pause(leftMs, signal);
      }
    },
    stop: () => over.abort(),
  };
}
