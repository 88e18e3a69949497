// Releases in SQLite.

import type { ImageStart, NewRelease, Release, ReleaseStore } from "@slipway/core";
import { time } from "./columns.ts";
import type { Database, Transaction } from "./database.ts";

interface ReleaseRow {
  id: string;
  app_id: string;
  number: number;
  deployment_id: string;
  image: string;
  git_ref: string | null;
  process_types: string;
  image_start: string | null;
  defaults: string;
  environment: string;
  created_at: number;
}

export const releaseQueries = {
  lastNumber: "SELECT max(number) AS number FROM releases WHERE app_id = ?",
  ofDeployment: "SELECT * FROM releases WHERE deployment_id = ?",
  byNumber: "SELECT * FROM releases WHERE app_id = ? AND number = ?",
  ofApp: "SELECT * FROM releases WHERE app_id = ? ORDER BY number DESC LIMIT ?",
  removeOfDeployments: "DELETE FROM releases WHERE deployment_id IN (SELECT value FROM json_each(?))",
} as const;

export function releaseStore(database: Database): ReleaseStore {
  return {
    create: (release) => database.write((transaction) => create(transaction, release)),
    get: (id) =>
      database.read((transaction) => {
        const [row] = transaction.all<ReleaseRow>("SELECT * FROM releases WHERE id = ?", id);
        return row === undefined ? null : releaseFrom(row);
      }),
    byNumber: (appId, number) =>
      database.read((transaction) => {
        const [row] = transaction.all<ReleaseRow>(releaseQueries.byNumber, appId, number);
        return row === undefined ? null : releaseFrom(row);
      }),
    ofApp: (appId, limit) =>
      database.read((transaction) =>
        transaction.all<ReleaseRow>(releaseQueries.ofApp, appId, limit).map(releaseFrom),
      ),
    removeOfDeployments: (deploymentIds) =>
      database.write((transaction) => {
        transaction.run(releaseQueries.removeOfDeployments, JSON.stringify(deploymentIds));
      }),
    removeOfApp: (appId) =>
      database.write((transaction) => {
        transaction.run("DELETE FROM releases WHERE app_id = ?", appId);
      }),
  };
}

function create(transaction: Transaction, release: NewRelease): Release {
  const [stored] = transaction.all<ReleaseRow>(releaseQueries.ofDeployment, release.deploymentId);
  if (stored !== undefined) return releaseFrom(stored);
  const [last] = transaction.all<{ number: number | null }>(releaseQueries.lastNumber, release.appId);
  const numbered: Release = { ...release, number: (last?.number ?? 0) + 1 };
  transaction.run(
    `INSERT INTO releases (id, app_id, number, deployment_id, image, git_ref, process_types, image_start, defaults,
       environment, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    numbered.id,
    numbered.appId,
    numbered.number,
    numbered.deploymentId,
    numbered.image,
    numbered.gitRef,
    JSON.stringify(numbered.processTypes),
    numbered.imageStart === null ? null : JSON.stringify(numbered.imageStart),
    JSON.stringify(numbered.defaults),
    JSON.stringify(numbered.environment),
    numbered.createdAt.getTime(),
  );
  return numbered;
}

function releaseFrom(row: ReleaseRow): Release {
  return {
    id: row.id,
    appId: row.app_id,
    number: row.number,
    deploymentId: row.deployment_id,
    image: row.image,
    gitRef: row.git_ref,
    processTypes: JSON.parse(row.process_types) as Record<string, string>,
    imageStart: row.image_start === null ? null : (JSON.parse(row.image_start) as ImageStart),
    defaults: JSON.parse(row.defaults) as Record<string, string>,
    environment: JSON.parse(row.environment) as Record<string, string>,
    createdAt: time(row.created_at),
  };
}
