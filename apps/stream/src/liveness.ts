// Whether the peer of a connection lives: it says something, or takes what waits for it.

/** What a socket tells of itself. */
export interface Wire {
  /** What was written to it, what waits in it included. */
  readonly bytesWritten: number;
  /** What waits in it. */
  readonly writableLength: number;
}

export interface Life {
  /** How many looks in a row found no sign of life. */
  readonly silentFor: number;
  readonly takenBytes: number;
  /** Something waited at the last look: the system's own buffers were full. */
  readonly waiting: boolean;
}

export const born: Life = { silentFor: 0, takenBytes: 0, waiting: false };

/** The peer said something. */
export function heardFrom(life: Life): Life {
  return { ...life, silentFor: 0 };
}

/** What is known after one look more. */
export function lookedAt(life: Life, { bytesWritten, writableLength }: Wire): Life {
  const takenBytes = bytesWritten - writableLength;
  // Before their buffers are full systems take bytes for a dead peer too. What waited goes on only as the peer reads.
  const reads = life.waiting && takenBytes > life.takenBytes;
  return { silentFor: reads ? 0 : life.silentFor + 1, takenBytes, waiting: writableLength > 0 };
}
