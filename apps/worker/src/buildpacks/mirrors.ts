// Replaces the beginning of buildpacks' URLs, as the operator's BUILDPACK_MIRRORS says.

export interface Mirror {
  /** Beginning of the URLs that users write. */
  readonly prefix: string;
  /** What takes its place. */
  readonly replacement: string;
}

/** @returns the mirror of `prefix=replacement`, two URLs with http, https or git; null when the text is no such pair. */
export function parseMirror(text: string): Mirror | null {
  const separator = text.search(/=(https?|git):\/\//);
  const [prefix, replacement] = [text.slice(0, separator), text.slice(separator + 1)];
  const isValid = separator > 0 && [prefix, replacement].every((url) => /^(https?|git):\/\/[^/]/.test(url));
  return isValid ? { prefix, replacement } : null;
}

/** @returns the URL with the longest prefix that matches replaced; the URL itself without one. A mirror does not receive its credentials. */
export function mirroredUrl(url: string, mirrors: readonly Mirror[]): string {
  const plain = new URL(url);
  plain.username = "";
  plain.password = "";
  const [longest] = mirrors
    .filter(({ prefix }) => plain.href.startsWith(prefix))
    .toSorted((a, b) => b.prefix.length - a.prefix.length);
  return longest === undefined ? url : `${longest.replacement}${plain.href.slice(longest.prefix.length)}`;
}
