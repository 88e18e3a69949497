// Inserts documents with their app's next number: reads the last one, inserts the next, and retries after a lost race.

import { isDuplicate } from "./failures.ts";
import { pauseAfterLostRace } from "./lost-race.ts";

export interface Numbering<Document> {
  /** The document, if it exists already: a repeated create. */
  readonly stored: () => Promise<Document | null>;
  /** The last number given in the app, 0 before the first. */
  readonly lastNumber: () => Promise<number>;
  /** Whether the document may be inserted now; rejects when it may not. Runs after the last number was read, before each insert. */
  readonly admit?: () => Promise<void>;
  /** Inserts it; a unique index refuses a number that is taken. */
  readonly insert: (number: number) => Promise<Document>;
  /** Ends it between two rounds. */
  readonly signal: AbortSignal;
}

/**
 * A number is assigned only when all lower ones are stored: a reader of a lane sees no gaps that fill up later.
 * A counter would not do that: the one with the lower number may be stored after the one with the higher.
 */
export async function insertNumbered<Document>(numbering: Numbering<Document>): Promise<Document> {
  let tried = Infinity;
  for (let round = 0; ; round += 1) {
    await pauseAfterLostRace(round, numbering.signal);
    const number = (await numbering.lastNumber()) + 1;
    // A server need not name the index that refused the last insert: if the number is still free, it was the id's.
    const stored = number <= tried ? await numbering.stored() : null;
    if (stored !== null) return stored;
    try {
      await numbering.admit?.();
    } catch (refusal) {
      // A repeated create may have been stored since: it is not refused because of itself.
      const own = await numbering.stored();
      if (own !== null) return own;
      throw refusal;
    }
    try {
      return await numbering.insert(number);
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
    tried = number;
  }
}
