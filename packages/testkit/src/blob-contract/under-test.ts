// The blob store under test, as the parts of its contract suite use it.

import { expect } from "vitest";
import type { BlobStore } from "@slipway/core";
import { bytesOf, streamOf } from "./streams.ts";

/** The context of each part of the suite. */
export interface BlobsUnderTest {
  readonly blobs: () => BlobStore;
  /** Another blob store on the same blobs, like another process's. */
  readonly other: () => BlobStore;
  /** Counts the stored blobs, complete or not, and parts of blobs. */
  readonly leftovers: () => Promise<number>;
}

/** Calls that the parts of the suite share. */
export function actionsOn({ blobs, other, leftovers }: BlobsUnderTest) {
  const put = (key: string, text: string) => blobs().put(key, streamOf(text));
  const textOf = async (key: string) => {
    const blob = await other().get(key);
    if (blob === null) return null;
    const bytes = await bytesOf(blob.bytes);
    expect(blob.sizeBytes).toBe(bytes.length);
    return bytes.toString();
  };
  /** Runs `work`, which must fail and leave neither a blob nor a part of one. @returns its error. */
  const leavesNothing = async (work: () => Promise<unknown>) => {
    const before = await leftovers();
    const failure = await work().then(
      () => new Error("it did not fail"),
      (error: unknown) => error,
    );
    expect(await leftovers()).toBe(before);
    return failure;
  };
  return { put, textOf, leavesNothing };
}
