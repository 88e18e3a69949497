// What a run does when a signal ends it: Ctrl-C, or SIGTERM.

import { constants } from "node:os";
import type { PrintLine } from "@slipway/setup";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const interruptedCodes: ReadonlySet<number> = new Set(signals.map((name) => 128 + constants.signals[name]));

/** Whether the exit code is that of a program that a signal ended. */
export function isInterrupted(exitCode: number): boolean {
  return interruptedCodes.has(exitCode);
}

/** Ends the work although further signals arrive: a terminal sends one to each process, and each forwards its own. */
export async function despiteSignals<T>(work: () => Promise<T>, printLine: PrintLine): Promise<T> {
  let isReported = false;
  const report = (): void => {
    if (!isReported) printLine("stop      the services of the tests are being stopped; this ends by itself");
    isReported = true;
  };
  for (const signal of signals) process.on(signal, report);
  try {
    return await work();
  } finally {
    for (const signal of signals) process.off(signal, report);
  }
}
