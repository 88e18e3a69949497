// Cuts the output of one of several instances at line ends, so that lines of different instances do not run into each other.

const newline = 10;
/** An unfinished line that is longer is let go. */
const heldBytes = 65_536;

export interface LineCutter {
  /** Takes the next piece, and returns what there is up to the last line end; it may be empty. */
  push(bytes: Uint8Array): Uint8Array;
  /** What is held of an unfinished line. */
  rest(): Uint8Array;
}

export function createLineCutter(): LineCutter {
  let held: Uint8Array = Buffer.alloc(0);
  return {
    push: (bytes) => {
      const joined = Buffer.concat([held, bytes]);
      const end = joined.length > heldBytes ? joined.length : joined.lastIndexOf(newline) + 1;
      held = joined.subarray(end);
      return joined.subarray(0, end);
    },
    rest: () => held,
  };
}

/** What comes in, in the same order, in pieces that end with a line; the last one is given an end. */
export async function* wholeLines(output: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const cutter = createLineCutter();
  try {
    for await (const bytes of output) {
      const lines = cutter.push(bytes);
      if (lines.length > 0) yield lines;
    }
  } finally {
    // Also what a process wrote before its connection broke.
    const rest = cutter.rest();
    if (rest.length > 0) yield Buffer.concat([rest, Buffer.of(newline)]);
  }
}
