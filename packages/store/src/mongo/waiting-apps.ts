// Which apps' lanes have something that waits and nothing that runs, of deployments and of operations.

import type { Collection, Filter } from "mongodb";

/** Two reads: an app that begins or ends in between is named, or not, as it was before or after. */
export async function waitingApps<Document extends { readonly appId: string }>(
  collection: Collection<Document>,
  queries: { readonly waiting: Filter<Document>; readonly running: Filter<Document> },
): Promise<string[]> {
  const waiting = await appsOf(collection, queries.waiting);
  const running = new Set(await appsOf(collection, queries.running));
  return waiting.filter((appId) => !running.has(appId));
}

/** The query that finds the apps of those that a filter fits. */
export function appsPipeline(filter: object) {
  return [{ $match: filter }, { $group: { _id: "$appId" } }];
}

/** The apps of the documents that a filter fits, each once. */
export async function appsOf<Document extends { readonly appId: string }>(
  collection: Collection<Document>,
  filter: Filter<Document>,
): Promise<string[]> {
  const found = await collection.aggregate<{ _id: string }>(appsPipeline(filter)).toArray();
  return found.map(({ _id }) => _id);
}
