// Finds the apps whose lanes have waiting but no running work, for deployments and for operations.

import type { Collection, Filter } from "mongodb";

/** Two reads: an app whose work begins or ends in between may or may not be returned. */
export async function waitingApps<Document extends { readonly appId: string }>(
  collection: Collection<Document>,
  queries: { readonly waiting: Filter<Document>; readonly running: Filter<Document> },
): Promise<string[]> {
  const waiting = await appsOf(collection, queries.waiting);
  const running = new Set(await appsOf(collection, queries.running));
  return waiting.filter((appId) => !running.has(appId));
}

/** The query for the apps of all documents that match a filter. */
export function appsPipeline(filter: object) {
  return [{ $match: filter }, { $group: { _id: "$appId" } }];
}

/** The apps of the documents that match a filter, each once. */
export async function appsOf<Document extends { readonly appId: string }>(
  collection: Collection<Document>,
  filter: Filter<Document>,
): Promise<string[]> {
  const found = await collection.aggregate<{ _id: string }>(appsPipeline(filter)).toArray();
  return found.map(({ _id }) => _id);
}
