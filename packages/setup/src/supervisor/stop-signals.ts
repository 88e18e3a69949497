// Handles stop signals: the first one drains, a second one kills.

const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** One Ctrl-C causes several signals: from the terminal, from npm and from run.mjs. */
const sameSignalMs = 1_000;

/** Calls `onFirst` at the first stop signal and `onSecond` at each later one. @returns a function that removes the handlers. */
export function onStopSignals(onFirst: (signal: string) => void, onSecond: () => void): () => void {
  let firstAt: number | undefined;
  const handle = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      onFirst(signal);
    } else if (now - firstAt > sameSignalMs) {
      onSecond();
    }
  };
  for (const signal of stopSignals) process.on(signal, handle);
  return () => {
    for (const signal of stopSignals) process.off(signal, handle);
  };
}
