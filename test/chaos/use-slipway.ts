// One Slipway for all tests of a suite.

import { afterAll, afterEach, beforeAll } from "vitest";
import { SlipwayUnderTest } from "./slipway.ts";
import { reportStateOfFailed } from "./state.ts";

/**
 * Starts a Slipway before the tests of the calling suite, stops it after them, and reports its state when a test fails.
 * @param onStart receives the Slipway.
 */
export function useSlipway(
  options: Parameters<typeof SlipwayUnderTest.start>[0],
  onStart: (slipway: SlipwayUnderTest) => void,
): void {
  let slipway: SlipwayUnderTest;
  beforeAll(async () => {
    slipway = await SlipwayUnderTest.start(options);
    onStart(slipway);
  });
  afterAll(() => slipway[Symbol.asyncDispose]());
  afterEach(({ task }) => reportStateOfFailed(task, slipway));
}
