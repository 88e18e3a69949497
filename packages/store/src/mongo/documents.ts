// How an aggregate is stored as a document: unchanged, with its id as `_id`. Times are dates; maps with user-chosen keys are pairs.

import type { Collection, OptionalUnlessRequiredId } from "mongodb";
import { isDuplicate } from "./failures.ts";

/** An aggregate as stored. */
export type Stored<Entity extends { readonly id: string }> = Omit<Entity, "id"> & { readonly _id: string };

/** A map with any keys, as pairs: field names of documents are restricted, and their order is not guaranteed. */
export type Pairs = readonly (readonly [string, string])[];

export function document<Entity extends { readonly id: string }>({ id, ...rest }: Entity): Stored<Entity> {
  return { _id: id, ...rest };
}

export function entity<Entity extends { readonly id: string }>(stored: Stored<Entity>): Entity;
export function entity<Entity extends { readonly id: string }>(stored: Stored<Entity> | null): Entity | null;
export function entity(stored: Stored<{ readonly id: string }> | null): { readonly id: string } | null {
  if (stored === null) return null;
  const { _id, ...rest } = stored;
  return { id: _id, ...rest };
}

export function pairs(map: Readonly<Record<string, string>>): Pairs {
  return Object.entries(map);
}

export function mapOf(given: Pairs): Record<string, string> {
  return Object.fromEntries(given);
}

/** @returns false when a document with the same id, or another equal unique value, exists: that document remains unchanged. */
export async function insertIfMissing<Document extends { readonly _id: unknown }>(
  collection: Collection<Document>,
  wanted: Document,
): Promise<boolean> {
  try {
    await collection.insertOne(wanted as OptionalUnlessRequiredId<Document>);
    return true;
  } catch (error) {
    if (isDuplicate(error)) return false;
    throw error;
  }
}
