// Receipts of builds and their public keys in SQLite.

import type { Receipt, ReceiptKey, ReceiptStore } from "@slipway/core";
import { time } from "./columns.ts";
import type { Database, Value } from "./database.ts";

interface ReceiptRow {
  deployment_id: string;
  image_digest: string;
  app_id: string;
  attempt: number;
  envelope: string;
  created_at: number;
}

interface KeyRow {
  id: string;
  public_pem: string;
  created_at: number;
}

export const receiptQueries = {
  get: "SELECT * FROM receipts WHERE deployment_id = ? AND image_digest = ?",
  newestOf: "SELECT * FROM receipts WHERE app_id = ? AND image_digest = ? ORDER BY created_at DESC LIMIT 1",
  removeOfDeployments: `DELETE FROM receipts
    WHERE deployment_id IN (SELECT value FROM json_each(?))
      AND image_digest NOT IN (SELECT value FROM json_each(?))`,
  removeOfApp: "DELETE FROM receipts WHERE app_id = ?",
} as const;

export function receiptStore(database: Database): ReceiptStore {
  const one = (sql: string, ...values: Value[]) =>
    database.read((transaction) => {
      const [row] = transaction.all<ReceiptRow>(sql, ...values);
      return row === undefined ? null : receiptFrom(row);
    });
  const change = (sql: string, ...values: Value[]) =>
    database.write((transaction) => {
      transaction.run(sql, ...values);
    });
  return {
    put: ({ deploymentId, imageDigest, appId, attempt, envelope, createdAt }) =>
      change(
        `INSERT INTO receipts (deployment_id, image_digest, app_id, attempt, envelope, created_at)
         VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (deployment_id, image_digest) DO UPDATE
         SET attempt = excluded.attempt, envelope = excluded.envelope, created_at = excluded.created_at
         WHERE attempt <= excluded.attempt`,
        deploymentId,
        imageDigest,
        appId,
        attempt,
        envelope,
        createdAt.getTime(),
      ),
    get: (deploymentId, imageDigest) => one(receiptQueries.get, deploymentId, imageDigest),
    newestOf: (appId, imageDigest) => one(receiptQueries.newestOf, appId, imageDigest),
    removeOfDeployments: (_appId, ids, kept) =>
      change(receiptQueries.removeOfDeployments, JSON.stringify(ids), JSON.stringify(kept)),
    removeOfApp: (appId) => change(receiptQueries.removeOfApp, appId),
    addKey: ({ id, publicPem, createdAt }) =>
      change(
        "INSERT INTO receipt_keys (id, public_pem, created_at) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING",
        id,
        publicPem,
        createdAt.getTime(),
      ),
    keys: () =>
      database.read((transaction) =>
        transaction.all<KeyRow>("SELECT * FROM receipt_keys ORDER BY created_at, id").map(keyFrom),
      ),
  };
}

function receiptFrom(row: ReceiptRow): Receipt {
  return {
    deploymentId: row.deployment_id,
    imageDigest: row.image_digest,
    appId: row.app_id,
    attempt: row.attempt,
    envelope: row.envelope,
    createdAt: time(row.created_at),
  };
}

function keyFrom(row: KeyRow): ReceiptKey {
  return { id: row.id, publicPem: row.public_pem, createdAt: time(row.created_at) };
}
