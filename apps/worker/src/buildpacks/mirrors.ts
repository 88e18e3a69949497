// Replaces prefixes of buildpack URLs by the mirrors in the operator's BUILDPACK_MIRRORS.

export interface Mirror {
  /** Prefix of the URLs that users write. */
  readonly prefix: string;
  /** The replacement of the prefix. */
  readonly replacement: string;
}

/** @returns the mirror in a text of the form `prefix=replacement`, two URLs with http, https or git; null for any other text. */
export function parseMirror(text: string): Mirror | null {
  const separator = text.search(/=(https?|git):\/\//);
  const [prefix, replacement] = [text.slice(0, separator), text.slice(separator + 1)];
  const isValid = separator > 0 && [prefix, replacement].every((url) => /^(https?|git):\/\/[^/]/.test(url));
  return isValid ? { prefix, replacement } : null;
}

/**
 * @returns the URL with its longest matching prefix replaced, or unchanged if no prefix matches. Credentials in the URL are not sent to a
 * mirror.
 */
export function mirroredUrl(url: string, mirrors: readonly Mirror[]): string {
  const plain = new URL(url);
  plain.username = "";
  plain.password = "";
  const [longest] = mirrors
    .filter(({ prefix }) => plain.href.startsWith(prefix))
    .toSorted((a, b) => b.prefix.length - a.prefix.length);
  return longest === undefined ? url : `${longest.replacement}${plain.href.slice(longest.prefix.length)}`;
}
