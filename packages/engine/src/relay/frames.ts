// The frames between the relay and the worker. relay.pl describes them.

const headerBytes = 9;
const kinds: ReadonlySet<string> = new Set(["r", "o", "d", "a", "e", "c"]);
/** Maximum data in a frame sent by the worker. The relay sends smaller frames. */
const maxDataBytes = 1024 ** 2;

/** r: the port is open; o: a new connection; d: data; a: acknowledged bytes; e: end of one direction; c: close. */
export type FrameKind = "r" | "o" | "d" | "a" | "e" | "c";

export interface Frame {
  readonly kind: FrameKind;
  readonly connection: number;
  /** Number of acknowledged bytes, or of data bytes. */
  readonly length: number;
  readonly data: Buffer;
}

export function encodeFrame(kind: FrameKind, connection: number, length = 0): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.write(kind, 0, "latin1");
  header.writeUInt32BE(connection, 1);
  header.writeUInt32BE(length, 5);
  return header;
}

/** @returns a function that takes the next chunk, and yields the complete frames. @throws for an invalid frame. */
export function createFrameReader(): (chunk: Uint8Array) => Generator<Frame> {
  let rest: Buffer = Buffer.alloc(0);
  return function* read(chunk) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    while (rest.length >= headerBytes) {
      const kind = rest.toString("latin1", 0, 1) as FrameKind;
      const connection = rest.readUInt32BE(1);
      const length = rest.readUInt32BE(5);
      if (!kinds.has(kind) || (kind === "d" && length > maxDataBytes))
        throw new Error("the relay sent an invalid frame");
      const end = headerBytes + (kind === "d" ? length : 0);
      if (rest.length < end) return;
      const data = rest.subarray(headerBytes, end);
      rest = rest.subarray(end);
      yield { kind, connection, length, data };
    }
  };
}
