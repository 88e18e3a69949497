// How bytes move between rooms: any async iterable of chunks. Node's Readable is one.

export type ByteStream = AsyncIterable<Uint8Array>;
