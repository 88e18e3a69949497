// Receipts of builds and their public keys in MongoDB.

import type { Db } from "mongodb";
import type { Receipt, ReceiptKey, ReceiptStore } from "@slipway/core";
import type { Connection } from "./connection.ts";
import { document, entity, insertIfMissing } from "./documents.ts";
import type { Stored } from "./documents.ts";

interface ReceiptDocument extends Receipt {
  /** Derived from the deployment's id and the image's digest. */
  readonly _id: string;
}

export const receiptQueries = {
  ofImage: (appId: string, imageDigest: string) => ({ appId, imageDigest }),
  ofDeployments: (appId: string, ids: readonly string[], kept: readonly string[]) => ({
    appId,
    deploymentId: { $in: [...ids] },
    imageDigest: { $nin: [...kept] },
  }),
  ofApp: (appId: string) => ({ appId }),
} as const;

const receipts = (database: Db) => database.collection<ReceiptDocument>("receipts");
const keys = (database: Db) => database.collection<Stored<ReceiptKey>>("receiptKeys");

export function receiptStore(connection: Connection): ReceiptStore {
  return {
    put: (receipt) =>
      connection.run(async (database) => {
        const _id = idOf(receipt.deploymentId, receipt.imageDigest);
        if (await insertIfMissing(receipts(database), { _id, ...receipt })) return;
        const { attempt, envelope, createdAt } = receipt;
        const change = { $set: { attempt, envelope, createdAt } };
        await receipts(database).updateOne({ _id, attempt: { $lte: attempt } }, change);
      }),
    get: (deploymentId, imageDigest) =>
      connection.run(async (database) =>
        receiptFrom(await receipts(database).findOne({ _id: idOf(deploymentId, imageDigest) })),
      ),
    newestOf: (appId, imageDigest) =>
      connection.run(async (database) => {
        const newestFirst = { sort: { createdAt: -1 } } as const;
        return receiptFrom(
          await receipts(database).findOne(receiptQueries.ofImage(appId, imageDigest), newestFirst),
        );
      }),
    removeOfDeployments: (appId, ids, kept) =>
      connection.run(async (database) => {
        await receipts(database).deleteMany(receiptQueries.ofDeployments(appId, ids, kept));
      }),
    removeOfApp: (appId) =>
      connection.run(async (database) => {
        await receipts(database).deleteMany(receiptQueries.ofApp(appId));
      }),
    addKey: (key) =>
      connection.run(async (database) => {
        await insertIfMissing(keys(database), document(key));
      }),
    keys: () =>
      connection.run(async (database) => {
        const found = await keys(database).find().sort({ createdAt: 1, _id: 1 }).toArray();
        return found.map((key) => entity<ReceiptKey>(key));
      }),
  };
}

function idOf(deploymentId: string, imageDigest: string): string {
  return `${deploymentId} ${imageDigest}`;
}

function receiptFrom(stored: ReceiptDocument | null): Receipt | null {
  if (stored === null) return null;
  const { _id, ...receipt } = stored;
  return receipt;
}
