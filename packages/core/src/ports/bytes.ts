// Byte streams that ports accept and return: any async iterable of chunks, such as Node's Readable.

export type ByteStream = AsyncIterable<Uint8Array>;

/** A byte stream that holds a resource. Reading it to the end or disposing it releases the resource. */
export type DisposableBytes = ByteStream & AsyncDisposable;
