// A pause that the end of the work cuts short.

/** @returns false when the signal ended it, so that a loop may stand on it. */
export async function rest(restMs: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  return await new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve(!signal.aborted);
    };
    const timer = setTimeout(end, restMs);
    signal.addEventListener("abort", end, { once: true });
  });
}
