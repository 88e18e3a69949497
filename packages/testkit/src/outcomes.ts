// What came of something, in short, for tests to compare.

import { SlipwayError } from "@slipway/core";
import type { ByteStream } from "@slipway/core";

/** For what is told of errors that must not be. */
export function unexpected(error: unknown): never {
  throw error;
}

/** Reads a stream to its end or its error. */
export async function drain(stream: ByteStream): Promise<number> {
  let sizeBytes = 0;
  for await (const chunk of stream) sizeBytes += chunk.length;
  return sizeBytes;
}

/** @returns `code: message` of the SlipwayError that the promise rejects with. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof SlipwayError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "nothing was refused";
}
