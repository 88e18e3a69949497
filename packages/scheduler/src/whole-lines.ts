// Cuts the output of one of several instances at line ends, so that lines of different instances do not run into each other.

const newline = 10;
/** An unfinished line that is longer is let go. */
const heldBytes = 65_536;

/** What comes in, in the same order, in pieces that end with a line; the last one is given an end. */
export async function* wholeLines(output: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array = Buffer.alloc(0);
  try {
    for await (const bytes of output) {
      const joined = Buffer.concat([held, bytes]);
      const end = joined.length > heldBytes ? joined.length : joined.lastIndexOf(newline) + 1;
      held = joined.subarray(end);
      if (end > 0) yield joined.subarray(0, end);
    }
  } finally {
    // Also what a process wrote before its connection broke.
    if (held.length > 0) yield Buffer.concat([held, Buffer.of(newline)]);
  }
}
