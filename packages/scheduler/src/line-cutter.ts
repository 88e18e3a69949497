// Splits an instance's output at line ends, so that a line contains the output of only one instance.

const newline = 10;
/** A longer unfinished line is passed on without waiting for its end. */
const maxPendingBytes = 65_536;

export interface LineCutter {
  /** Accepts the next piece, and returns all output up to the last line end, possibly empty. */
  push(bytes: Uint8Array): Uint8Array;
  /** The unfinished line that has not been returned. */
  rest(): Uint8Array;
}

export function createLineCutter(): LineCutter {
  let pending: Uint8Array = Buffer.alloc(0);
  return {
    push: (bytes) => {
      const joined = Buffer.concat([pending, bytes]);
      const end = joined.length > maxPendingBytes ? joined.length : joined.lastIndexOf(newline) + 1;
      pending = joined.subarray(end);
      return joined.subarray(0, end);
    },
    rest: () => pending,
  };
}

/** The same output in pieces that end with a line end, which is added to the last piece if missing. */
export async function* wholeLines(output: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const cutter = createLineCutter();
  try {
    for await (const bytes of output) {
      const lines = cutter.push(bytes);
      if (lines.length > 0) yield lines;
    }
  } finally {
    // Includes the output that arrived before the connection broke.
    const rest = cutter.rest();
    if (rest.length > 0) yield Buffer.concat([rest, Buffer.of(newline)]);
  }
}
