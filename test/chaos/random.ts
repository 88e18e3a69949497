// A small generator of pseudo-random numbers with a seed (mulberry32), so that a chaos run can be repeated.

export interface Random {
  /** An integer from `min` to `max`, both included. */
  between(min: number, max: number): number;
  /** One of the items, with equal probability. */
  pick<T>(items: readonly T[]): T;
}

/** @param seed any integer; equal seeds give equal sequences. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));
  return {
    between,
    pick: <T>(items: readonly T[]): T => {
      const item = items[between(0, items.length - 1)];
      if (item === undefined) throw new Error("nothing to pick from");
      return item;
    },
  };
}
