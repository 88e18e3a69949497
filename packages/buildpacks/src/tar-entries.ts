// A tar stream as its entries, one after the other; what is not read of one is skipped.

import { Readable } from "node:stream";
import type { ByteStream } from "@slipway/core";
import { extract, type Header } from "tar-stream";

export interface IncomingEntry {
  readonly header: Header;
  /** Its bytes; to be read before the next entry is asked for, or not at all. */
  readonly content: () => AsyncGenerator<Uint8Array>;
}

/**
 * Ends with the stream's own error, or that of a broken tar. A consumer that stops early ends the source as well.
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

/** tar-stream does not say that its chunks are bytes. */
async function* bytesOf(entry: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const chunk of entry) yield chunk as Uint8Array;
}
