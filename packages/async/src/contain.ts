// Reports errors of event and timer handlers, whose promises are not awaited, instead of letting them end the process.

/**
 * Wraps a handler. What it throws or rejects with goes to `onFailure`, before the handler's arguments. `onFailure` reports the
 * error and releases what the handler was about; it must not throw.
 */
export function contain<Args extends unknown[]>(
  handler: (...args: Args) => unknown,
  onFailure: (error: unknown, ...args: Args) => void,
): (...args: Args) => void {
  return (...args) => {
    try {
      const outcome = handler(...args);
      if (outcome instanceof Promise) outcome.catch((error: unknown) => onFailure(error, ...args));
    } catch (error) {
      onFailure(error, ...args);
    }
  };
}
