// Ends the wait for a promise when a signal is aborted.

/**
 * Settles as the promise does, or rejects with the signal's reason as soon as the signal is aborted. A signal that is aborted
 * already wins over a promise that has settled. The promise itself goes on; what it does later is ignored, a rejection too.
 * @throws the signal's reason once it is aborted, else what the promise rejects with.
 */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([aborted.promise, promise]);
  } catch (error) {
    // Work that listens to the same signal may reject first, with an error of its own.
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
