// Reads the entries of a tar stream one after the other, and skips content that the consumer does not read.

import { Readable } from "node:stream";
import type { ByteStream } from "@slipway/core";
import { extract, type Header } from "tar-stream";

export interface IncomingEntry {
  readonly header: Header;
  /** The entry's bytes. Read them before requesting the next entry, or not at all. */
  readonly content: () => AsyncGenerator<Uint8Array>;
}

/**
 * Fails with the stream's own error, or the parser's error for a damaged tar. A consumer that stops early closes the source.
 */
export async function* tarEntries(tar: ByteStream): AsyncGenerator<IncomingEntry> {
  const parser = extract();
  const source = Readable.from(tar, { objectMode: false });
  source.on("error", (error) => parser.destroy(error));
  source.pipe(parser);
  try {
    for await (const entry of parser) {
      let read = false;
      yield {
        header: entry.header,
        content: () => {
          read = true;
          return bytesOf(entry);
        },
      };
      if (!read) entry.resume();
    }
  } finally {
    source.destroy();
    parser.destroy();
  }
}

/** tar-stream's types do not say that its chunks are bytes. */
async function* bytesOf(entry: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const chunk of entry) yield chunk as Uint8Array;
}
