// Parses files of apps, which may contain anything.

/** @returns undefined when it cannot be parsed: the package manager itself reports why. */
export function parsed(text: string, read: (text: string) => unknown): unknown {
  try {
    return read(text);
  } catch {
    return undefined;
  }
}
