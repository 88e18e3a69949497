// Lane work as the reconciler reads it, from MongoDB documents.

import type { Collection, Filter, Sort } from "mongodb";
import type { Deployment, LaneEntry, LaneHeads } from "@slipway/core";

/** A deployment or an operation. */
interface LaneDocument {
  readonly _id: string;
  readonly appId: string;
  /** Missing for operations. */
  readonly ownerId?: string;
  /** Missing for operations. */
  readonly source?: Pick<Deployment["source"], "kind">;
  readonly attempt: number;
  readonly revision: number;
  readonly createdAt: Date;
}

export interface HeadQueries<Document> {
  /** Selects waiting documents in the lanes of apps with higher ids. */
  readonly waitingAfter: (appId: string) => Filter<Document>;
  /** The order of the lanes: by app, then by position. */
  readonly order: Sort;
  /** Selects running documents of these apps. */
  readonly runningOf: (appIds: readonly string[]) => Filter<Document>;
}

export const entryProjection = {
  appId: 1,
  ownerId: 1,
  "source.kind": 1,
  attempt: 1,
  revision: 1,
  createdAt: 1,
} as const;

export function entryFrom(found: LaneDocument): LaneEntry {
  const { _id: id, appId, source, attempt, revision, createdAt } = found;
  // A deployment of an earlier release needs no slot of its owner.
  const ownerId = source?.kind === "release" ? null : (found.ownerId ?? null);
  return { id, appId, ownerId, attempt, revision, createdAt };
}

/** Reads twice: an app whose work begins or ends in between may or may not be listed. */
export async function laneHeads<Document extends LaneDocument>(
  collection: Collection<Document>,
  queries: HeadQueries<Document>,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<LaneHeads> {
  const found = await collection
    .find(queries.waitingAfter(after))
    .project<LaneDocument>(entryProjection)
    .sort(queries.order)
    .limit(limit)
    .toArray();
  const appIds = [...new Set(found.map(({ appId }) => appId))];
  const running = collection
    .find(queries.runningOf(appIds))
    .project<Pick<LaneDocument, "appId">>({ appId: 1 });
  const taken = new Set((await running.toArray()).map(({ appId }) => appId));
  const heads = found.filter(({ appId }) => {
    const isHead = !taken.has(appId);
    taken.add(appId);
    return isHead;
  });
  const last = found.length < limit ? undefined : found.at(-1);
  return { heads: heads.map(entryFrom), next: last?.appId ?? null };
}
