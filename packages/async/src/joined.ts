// Shares runs of a function between concurrent calls: one run at a time, and one further run for all calls during it.

interface Runs {
  current: Promise<void>;
  /** The run after the current one, which has not begun. */
  next?: Promise<void>;
}

/**
 * Wraps work that brings something up to date. Per key one run is under way at a time. A call during a run gets the next run, which
 * begins after the call, so it sees everything that the caller did before.
 * @returns the wrapped work; it rejects with what the call's run throws. It must not be awaited within the work.
 */
export function joined(work: (key: string) => Promise<void>): (key: string) => Promise<void> {
  const keys = new Map<string, Runs>();

  const begin = (key: string): Promise<void> => {
    const runs: Runs = { current: work(key) };
    keys.set(key, runs);
    const end = () => {
      if (runs.next === undefined) keys.delete(key);
    };
    runs.current.then(end, end);
    return runs.current;
  };

  return (key) => {
    const runs = keys.get(key);
    if (runs === undefined) return begin(key);
    runs.next ??= runs.current.then(
      () => begin(key),
      () => begin(key),
    );
    return runs.next;
  };
}
