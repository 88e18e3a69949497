// The lines that a URL's fragment names: #L120, or #L120-L140.

export interface LineRange {
  readonly from: number;
  readonly to: number;
}

/** @returns the range in a URL's fragment; null when it contains none. */
export function rangeIn(hash: string): LineRange | null {
  const match = /^#?L([1-9]\d{0,8})(?:-L?([1-9]\d{0,8}))?$/.exec(hash);
  if (match === null) return null;
  const from = Number(match[1]);
  const to = Number(match[2] ?? match[1]);
  return { from: Math.min(from, to), to: Math.max(from, to) };
}

/** @returns the fragment, without `#`. */
export function hashOf({ from, to }: LineRange): string {
  return from === to ? `L${from}` : `L${from}-L${to}`;
}

/**
 * @returns the URL with this fragment on the present page. The page has a base URL, so a link with only the fragment would lead away from
 * it.
 */
export function addressOf(fragment: string): string {
  return `${location.pathname}${location.search}#${fragment}`;
}
