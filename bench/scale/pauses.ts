// Loaded into the API's process before its program: answers each message with the longest pause of the event loop since the last message.

import { monitorEventLoopDelay } from "node:perf_hooks";

export interface Pauses {
  readonly longestPauseMs: number;
  readonly residentBytes: number;
}

const delays = monitorEventLoopDelay({ resolution: 1 });

export function isPauses(message: unknown): message is Pauses {
  return typeof message === "object" && message !== null && "longestPauseMs" in message;
}

/** Only in the API's process; the benchmark imports the types. */
if (process.execArgv.includes(import.meta.filename)) {
  delays.enable();
  process.on("message", () => {
    const longestPauseMs = delays.max / 1e6;
    delays.reset();
    process.send?.({ longestPauseMs, residentBytes: process.memoryUsage.rss() } satisfies Pauses);
  });
  process.channel?.unref();
}
