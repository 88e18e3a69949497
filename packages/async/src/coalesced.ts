// Shares runs of a function between concurrent calls: one run at a time, and one further run for all calls during it.

interface Runs {
  current: Promise<void>;
  /** The run after the current one, which has not begun. */
  next?: Promise<void>;
}

/**
 * Wraps work that brings something up to date. Per key there is one run at a time. A call during a run joins the next run, which
 * begins after the call, so it sees all changes that the caller made before.
 * @returns the wrapped work; a call rejects with the error of its run. The work must not await a call of itself.
 */
export function coalesced(work: (key: string) => Promise<void>): (key: string) => Promise<void> {
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
