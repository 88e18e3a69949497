// Ctrl-C and its like: the first asks to drain, a second one to end at once.

const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** One Ctrl-C arrives several times: from the terminal, from npm and from run.mjs. */
const sameSignalMs = 1_000;

/** Calls `onFirst` at the first stop signal and `onSecond` at each later one; the result takes the handlers off. */
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
