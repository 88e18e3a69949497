// Releases in MongoDB.

import type { Db, Filter } from "mongodb";
import type { ImageStart, NewRelease, Release, ReleaseStore } from "@slipway/core";
import type { Connection } from "./connection.ts";
import { document, entity, mapOf, pairs } from "./documents.ts";
import type { Pairs, Stored } from "./documents.ts";
import { insertNumbered } from "./numbered.ts";

/** Process types and variables are maps whose keys users choose. */
type ReleaseDocument = Omit<Stored<Release>, "processTypes" | "imageStart" | "defaults" | "environment"> & {
  readonly processTypes: Pairs;
  /** Missing in documents of earlier versions. */
  readonly imageStart?: ImageStart | null;
  /** Missing in documents of earlier versions, which did not separate defaults from variables. */
  readonly defaults?: Pairs;
  readonly environment: Pairs;
};

export const releaseQueries = {
  ofApp: (appId: string) => ({ appId }),
  byNumber: (appId: string, number: number) => ({ appId, number }),
  ofDeployment: (deploymentId: string) => ({ deploymentId }),
} as const;

const releases = (database: Db) => database.collection<ReleaseDocument>("releases");

export function releaseStore(connection: Connection): ReleaseStore {
  const first = (filter: Filter<ReleaseDocument>) =>
    connection.run(async (database) => {
      const found = await releases(database).findOne(filter);
      return found === null ? null : releaseFrom(found);
    });
  return {
    create: (release) =>
      connection.runInTurn(`releases ${release.appId}`, (database, signal) =>
        create(database, release, signal),
      ),
    get: (id) => first({ _id: id }),
    byNumber: (appId, number) => first(releaseQueries.byNumber(appId, number)),
    ofApp: (appId, limit) =>
      connection.run(async (database) => {
        const found = releases(database).find(releaseQueries.ofApp(appId)).sort({ number: -1 });
        return (await found.limit(limit).toArray()).map(releaseFrom);
      }),
    removeOfDeployments: (deploymentIds) =>
      connection.run(async (database) => {
        await releases(database).deleteMany({ deploymentId: { $in: [...deploymentIds] } });
      }),
    removeOfApp: (appId) =>
      connection.run(async (database) => {
        await releases(database).deleteMany({ appId });
      }),
  };
}

function create(database: Db, request: NewRelease, signal: AbortSignal): Promise<Release> {
  return insertNumbered({
    stored: async () => {
      const found = await releases(database).findOne(releaseQueries.ofDeployment(request.deploymentId));
      return found === null ? null : releaseFrom(found);
    },
    lastNumber: async () => {
      const options = { sort: { number: -1 }, projection: { number: 1 } } as const;
      return (await releases(database).findOne({ appId: request.appId }, options))?.number ?? 0;
    },
    signal,
    insert: async (number) => {
      const release = { ...request, number };
      const { processTypes, defaults, environment, ...rest } = document(release);
      await releases(database).insertOne({
        ...rest,
        processTypes: pairs(processTypes),
        defaults: pairs(defaults),
        environment: pairs(environment),
      });
      return release;
    },
  });
}

function releaseFrom({
  processTypes,
  imageStart = null,
  environment,
  defaults,
  ...rest
}: ReleaseDocument): Release {
  return entity<Release>({
    ...rest,
    processTypes: mapOf(processTypes),
    imageStart,
    defaults: mapOf(defaults ?? environment),
    environment: mapOf(environment),
  });
}
