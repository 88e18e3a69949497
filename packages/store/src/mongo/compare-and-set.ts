// Changes a document by its revision. All changes use this function.

import type { Collection, Filter } from "mongodb";

interface Revised {
  readonly _id: string;
  readonly revision: number;
}

/**
 * Sets the fields of this version if the stored revision is the previous one; fields of a newer version stay as they are.
 * @returns whether it did.
 */
export async function compareAndSet<Document extends Revised>(
  collection: Collection<Document>,
  { _id, ...fields }: Partial<Document> & Revised,
): Promise<boolean> {
  const expected = { _id, revision: fields.revision - 1 } as Filter<Document>;
  const { matchedCount } = await collection.updateOne(expected, { $set: fields as Partial<Document> });
  return matchedCount === 1;
}
