// Inserts documents with their app's next number: reads the last one, inserts the next, and retries after a lost race.

import { isDuplicate } from "./failures.ts";
import { pauseAfterLostRace } from "./lost-race.ts";

export interface Numbering<Document> {
  /** Returns the document if it exists already, after a repeated create. */
  readonly stored: () => Promise<Document | null>;
  /** The last number assigned in the app, 0 before the first. */
  readonly lastNumber: () => Promise<number>;
  /** Whether the document may be inserted now; rejects when it may not. Runs after the last number was read, before each insert. */
  readonly admit?: () => Promise<void>;
  /** Inserts it; a unique index refuses a number that is taken. */
  readonly insert: (number: number) => Promise<Document>;
  /** Ends the insertion between two rounds. */
  readonly signal: AbortSignal;
}

/**
 * A number is assigned only when all lower ones are stored, so a reader of a lane sees no gaps that are filled later.
 * A counter would not ensure that: the document with the lower number may be stored after the one with the higher number.
 */
export async function insertNumbered<Document>(numbering: Numbering<Document>): Promise<Document> {
  let tried = Infinity;
  for (let round = 0; ; round += 1) {
    await pauseAfterLostRace(round, numbering.signal);
    const number = (await numbering.lastNumber()) + 1;
    // A server need not name the index that refused the last insert: if the number is still free, the id was taken.
    const stored = number <= tried ? await numbering.stored() : null;
    if (stored !== null) return stored;
    try {
      await numbering.admit?.();
    } catch (refusal) {
      // The document of a repeated create may have been stored in the meantime, and must not be refused because of itself.
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
