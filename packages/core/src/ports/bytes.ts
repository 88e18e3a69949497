// How bytes move between rooms: any async iterable of chunks. Node's Readable is one.

export type ByteStream = AsyncIterable<Uint8Array>;

/** Bytes that hold something open until they have been read to the end, or are disposed of: read in part, or not at all. */
export type HeldBytes = ByteStream & AsyncDisposable;
