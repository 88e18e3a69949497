// Results of promises and streams, in a form that tests can compare.

import { SlipwayError } from "@slipway/core";
import type { ByteStream } from "@slipway/core";

/** An error handler for tests in which no error may occur. @throws the error. */
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
