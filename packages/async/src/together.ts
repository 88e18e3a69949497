// Runs several calls concurrently, as one.

/**
 * Starts calls with a signal that the first failure aborts, so that no call is left running.
 * @returns their results, in the order of the calls.
 * @throws the first failure or the signal's reason, after all calls have ended.
 */
export async function together<Calls extends readonly Promise<unknown>[] | []>(
  signal: AbortSignal,
  start: (signal: AbortSignal) => Calls,
): Promise<{ -readonly [Call in keyof Calls]: Awaited<Calls[Call]> }> {
  const failure = new AbortController();
  const calls = start(AbortSignal.any([signal, failure.signal]));
  // Only the first abort has an effect.
  for (const call of calls) call.catch((error: unknown) => failure.abort(error));
  await Promise.allSettled(calls);
  failure.signal.throwIfAborted();
  return await Promise.all(calls);
}
