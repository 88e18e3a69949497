// The lines that an address names: #L120, or #L120-L140.

export interface LineRange {
  readonly from: number;
  readonly to: number;
}

/** @returns the range in an address's fragment; null for none. */
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
