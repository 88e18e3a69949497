// Reports errors of event and timer handlers, whose promises are not awaited, instead of letting them end the process.

/**
 * Wraps a handler. Its errors and rejections are passed to `onFailure`, followed by the handler's arguments. `onFailure` reports
 * the error and releases the handler's resources; it must not throw.
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
