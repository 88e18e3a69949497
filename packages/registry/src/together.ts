// Runs requests of one push at the same time.

/**
 * Calls all at the same time, with a signal that the first failure aborts.
 * @throws the first failure, once all have ended.
 */
export async function together<Results extends readonly unknown[]>(
  signal: AbortSignal,
  works: { readonly [At in keyof Results]: (signal: AbortSignal) => Promise<Results[At]> },
): Promise<Results> {
  const failure = new AbortController();
  const bounded = AbortSignal.any([signal, failure.signal]);
  const calls = works.map(async (work) => {
    try {
      return await work(bounded);
    } catch (error) {
      failure.abort(error); // Ignored after the first.
      return undefined;
    }
  });
  const results = await Promise.all(calls);
  failure.signal.throwIfAborted();
  return results as unknown as Results;
}
