// Byte streams that the blob store contract puts and reads.

import type { ByteStream } from "@slipway/core";

export async function* streamOf(...chunks: readonly (string | Uint8Array)[]): ByteStream {
  for (const chunk of chunks) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
}

export async function* repeat(chunk: Uint8Array, times: number): ByteStream {
  for (let index = 0; index < times; index += 1) yield chunk;
}

export async function* failing(error: Error): ByteStream {
  yield Buffer.from("a good begin");
  throw error;
}

/** Yields once; when the reader requests more, calls `onRequest` and yields nothing. */
export async function* silentAfter(text: string, onRequest: () => void): ByteStream {
  yield Buffer.from(text);
  setImmediate(onRequest);
  await new Promise<never>(() => undefined);
}

export async function bytesOf(stream: ByteStream): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
