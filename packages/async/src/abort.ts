// Ends the wait for a promise when a signal is aborted.

/**
 * Settles as the promise does, or rejects with the signal's reason as soon as the signal is aborted. An aborted signal takes
 * precedence over a settled promise. The promise itself continues; its later result or rejection is ignored.
 * @throws the signal's reason once it is aborted, otherwise the promise's rejection.
 */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([aborted.promise, promise]);
  } catch (error) {
    // The promise may reject first with another error if its work listens to the same signal.
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
