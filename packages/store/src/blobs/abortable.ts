// A byte stream that ends as soon as a signal aborts, even while its source yields nothing.

import { addAbortListener } from "node:events";
import type { ByteStream } from "@slipway/core";

/** @throws the signal's reason once it is aborted; then calls the source's `return` without waiting for it. */
export async function* abortable(bytes: ByteStream, signal: AbortSignal | undefined): ByteStream {
  if (signal === undefined) {
    yield* bytes;
    return;
  }
  const source = bytes[Symbol.asyncIterator]();
  let done = false;
  try {
    for (;;) {
      const next = await nextUnlessAborted(source, signal);
      if (next.done === true) break;
      yield next.value;
    }
    done = true;
  } finally {
    if (!done) endWithoutWaiting(source);
  }
}

/** One listener per chunk: racing against one promise for the whole stream would accumulate a reaction on it for every chunk. */
function nextUnlessAborted(
  source: AsyncIterator<Uint8Array>,
  signal: AbortSignal,
): Promise<IteratorResult<Uint8Array>> {
  const { promise, resolve, reject } = Promise.withResolvers<IteratorResult<Uint8Array>>();
  const listener = addAbortListener(signal, () => {
    reject(signal.reason);
  });
  if (!signal.aborted) source.next().then(resolve, reject);
  return promise.finally(() => {
    listener[Symbol.dispose]();
  });
}

/** A generator that awaits its own source returns only after that await; by then no caller is left to receive its error. */
function endWithoutWaiting(source: AsyncIterator<Uint8Array>): void {
  source.return?.().then(
    () => undefined,
    () => undefined,
  );
}
