// The contract suite of the blob store port: tests that every adapter must pass.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BlobStore } from "@slipway/core";
import { refusedKeys } from "./blob-contract/keys.ts";
import { storedBlobs, unfinishedBlobs } from "./blob-contract/put.ts";
import { deletedBlobs, readBlobs } from "./blob-contract/read-and-delete.ts";
import type { BlobsUnderTest } from "./blob-contract/under-test.ts";

/** The location of blobs. Disposing it removes them. */
export interface BlobContractContext extends AsyncDisposable {
  /** Opens another blob store on the same blobs, like another process. */
  open(): Promise<BlobStore>;
  /** Counts the stored blobs, complete or not, and parts of blobs. */
  leftovers(): Promise<number>;
}

/**
 * Runs the suite.
 * @param name the adapter's name. @param newContext provides an empty location; called once.
 */
export function blobContract(name: string, newContext: () => Promise<BlobContractContext>): void {
  describe(`${name} fulfills the blob store's contract`, () => {
    const opened = new AsyncDisposableStack();
    let context: BlobContractContext;
    let blobs: BlobStore;
    let other: BlobStore;
    beforeAll(async () => {
      context = opened.use(await newContext());
      blobs = opened.use(await context.open());
      other = opened.use(await context.open());
    });
    afterAll(() => opened.disposeAsync());

    const underTest: BlobsUnderTest = {
      blobs: () => blobs,
      other: () => other,
      leftovers: () => context.leftovers(),
    };
    storedBlobs(underTest);
    unfinishedBlobs(underTest);
    readBlobs(underTest);
    deletedBlobs(underTest);
    refusedKeys(underTest);

    test("a blob store answers a ping", async () => {
      await expect(blobs.ping()).resolves.toBeUndefined();
    });
  });
}
