// For tests: a pseudorandom number generator with a fixed seed.

/** @returns a function that returns an integer from 0 to below its argument. */
export function seededRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}
