// Documents that get their app's next number: read the last one, insert with the next, and again when somebody was faster.

import { SlipwayError } from "@slipway/core";
import { isDuplicate } from "./failures.ts";

/** Each lost race is somebody's success, so this is never reached but by a fault. */
const mostRounds = 1_000;

export interface Numbering<Document> {
  /** The document, when it is there already: a create that is repeated. */
  readonly stored: () => Promise<Document | null>;
  /** The last number given in the app, 0 before the first. */
  readonly lastNumber: () => Promise<number>;
  /** Inserts it; a unique index refuses a number that is taken. */
  readonly insert: (number: number) => Promise<Document>;
}

/**
 * A number is only given when all below it are stored: whoever reads a lane sees it without gaps that may fill up later.
 * A counter would not do that: the one with the lower number may be stored after the one with the higher.
 */
export async function insertNumbered<Document>(numbering: Numbering<Document>): Promise<Document> {
  for (let round = 0; round < mostRounds; round += 1) {
    const stored = await numbering.stored();
    if (stored !== null) return stored;
    const number = (await numbering.lastNumber()) + 1;
    try {
      return await numbering.insert(number);
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
  }
  throw new SlipwayError("store-unavailable", "too many processes ask for the app's next number at once");
}
