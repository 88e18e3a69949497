// A connection accepted by the relay, as a stream with independent ends and backpressure for each direction.

import { Duplex } from "node:stream";
import { encodeFrame, type Frame, type FrameKind } from "./frames.ts";

/** Maximum number of unacknowledged bytes per direction. relay.pl receives it as an argument. */
export const windowBytes = 256 * 1024;

export class RelayedConnection extends Duplex {
  readonly #send: (frame: Buffer) => void;
  readonly #id: number;
  #open = windowBytes;
  #unacknowledged = 0;
  #waiting: { rest: Buffer; done: () => void } | null = null;

  constructor(id: number, send: (frame: Buffer) => void) {
    super({ allowHalfOpen: true });
    this.#id = id;
    this.#send = send;
  }

  receive({ kind, length, data }: Frame): void {
    if (kind === "d") {
      this.#unacknowledged += length;
      this.push(data);
    } else if (kind === "a") {
      this.#open += length;
      this.#sendWaiting();
    } else if (kind === "e") this.push(null);
    else if (kind === "c") this.destroy();
  }

  /** Called when the reader has consumed all data and wants more. */
  override _read(): void {
    if (this.#unacknowledged === 0) return;
    this.#frame("a", this.#unacknowledged);
    this.#unacknowledged = 0;
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#waiting = { rest: bytes, done };
    this.#sendWaiting();
  }

  override _final(done: () => void): void {
    this.#frame("e");
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#frame("c");
    done(error);
  }

  #sendWaiting(): void {
    const waiting = this.#waiting;
    if (waiting === null || this.#open === 0) return;
    const piece = waiting.rest.subarray(0, this.#open);
    waiting.rest = waiting.rest.subarray(piece.length);
    this.#open -= piece.length;
    this.#send(Buffer.concat([encodeFrame("d", this.#id, piece.length), piece]));
    if (waiting.rest.length > 0) return;
    this.#waiting = null;
    waiting.done();
  }

  #frame(kind: FrameKind, length = 0): void {
    this.#send(encodeFrame(kind, this.#id, length));
  }
}
