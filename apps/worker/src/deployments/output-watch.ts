// Ends a build that writes no output for too long: it most likely waits for an event that never occurs, and occupies a build slot.

import { SlipwayError } from "@slipway/core";

export interface OutputWatch extends Disposable {
  /** Aborted with "build-timeout" when the build has been silent for too long. */
  readonly signal: AbortSignal;
  /** Stores output. The build may be blocked until its output is stored, so the time without output counts from the end of this call. */
  readonly store: (work: () => void | Promise<void>) => Promise<void>;
  /** Restarts the time limit without any output. */
  readonly noteProgress: () => void;
}

/** Starts watching a build. */
export function watchOutput(silenceMs: number): OutputWatch {
  const controller = new AbortController();
  const end = (): void => {
    const message = `no output for ${durationOf(silenceMs)}, so the build was ended`;
    controller.abort(new SlipwayError("build-timeout", message));
  };
  let storing = 0;
  let isOver = false;
  let timer = setTimeout(end, silenceMs);
  const restart = (): void => {
    clearTimeout(timer);
    if (storing === 0 && !isOver) timer = setTimeout(end, silenceMs);
  };
  return {
    signal: controller.signal,
    async store(work) {
      storing += 1;
      clearTimeout(timer);
      try {
        await work();
      } finally {
        storing -= 1;
        restart();
      }
    },
    noteProgress: restart,
    [Symbol.dispose]() {
      isOver = true;
      clearTimeout(timer);
    },
  };
}

function durationOf(durationMs: number): string {
  const minutes = durationMs / 60_000;
  return minutes >= 1 ? `${Math.round(minutes)} minutes` : `${durationMs / 1_000} seconds`;
}
