// Reads the members of one object in a large JSON document one by one, so that memory holds one member instead of the document.

import type { ByteStream } from "@slipway/core";

/**
 * Yields the members of the object named `name` in the document, which is itself an object. Other members of the document are skipped:
 * only their brackets and quotes are checked.
 * @throws {SyntaxError} when a member is not JSON, the document is no object, or it is truncated; the stream's own error.
 */
export async function* jsonMembers(
  document: ByteStream | Iterable<Uint8Array>,
  name: string,
): AsyncGenerator<readonly [name: string, value: unknown]> {
  const scanner = new MemberScanner(name);
  for await (const chunk of document) for (const text of scanner.scan(chunk)) yield* parseMember(text);
  scanner.end();
}

/** @param text `"name": value`, or nothing, as between the brackets of an empty object. */
function parseMember(text: string): [name: string, value: unknown][] {
  return text.trim() === "" ? [] : Object.entries(JSON.parse(`{${text}}`) as Record<string, unknown>);
}

/** Finds members by brackets, commas and quotes, which are single bytes, so a chunk may end within a character. */
class MemberScanner {
  readonly #wanted: string;
  /** 1 for the members of the document, 2 for those of its objects. */
  #depth = 0;
  #inString = false;
  #isEscaped = false;
  /** Whether the object with the members is being read. */
  #isWanted = false;
  /** The parts of the current member, or of a name in the document, from earlier chunks. */
  #kept: Buffer[] = [];
  #hasEnded = false;

  constructor(wanted: string) {
    this.#wanted = wanted;
  }

  /** Yields the text of each member that ends in the chunk. */
  *scan(chunk: Uint8Array): Generator<string> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at] ?? 0;
      if (this.#isOfString(byte) || !this.#ends(byte)) continue;
      const text = this.#take(bytes.subarray(start, at));
      start = at + 1;
      if (this.#isWanted) yield text;
      this.#pass(byte, text);
    }
    // A copy, so that the kept part does not keep the whole chunk in memory.
    if (this.#depth === 1 || this.#isWanted) this.#kept.push(Buffer.from(bytes.subarray(start)));
  }

  /** @throws {SyntaxError} unless the document is complete. */
  end(): void {
    if (!this.#hasEnded) throw new SyntaxError("the JSON document is no object, or it is truncated");
  }

  #isOfString(byte: number): boolean {
    if (!this.#inString) this.#inString = byte === 0x22;
    else if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === 0x5c) this.#isEscaped = true;
    else if (byte === 0x22) {
      this.#inString = false;
      return true;
    }
    return this.#inString;
  }

  /** Counts brackets. @returns whether the byte ends a member, or the name of an object of the document. */
  #ends(byte: number): boolean {
    // {, [, }, ] and the comma
    if (byte === 0x7b || byte === 0x5b) return (this.#depth += 1) <= 2;
    if (byte === 0x7d || byte === 0x5d) return (this.#depth -= 1) < 2;
    return byte === 0x2c && (this.#depth === 1 || (this.#depth === 2 && this.#isWanted));
  }

  #take(last: Buffer): string {
    const text = Buffer.concat([...this.#kept, last]).toString("utf8");
    this.#kept = [];
    return text;
  }

  /** Enters or leaves an object. */
  #pass(byte: number, text: string): void {
    if (this.#depth === 2 && byte === 0x7b)
      this.#isWanted = text.trim().replace(/\s*:$/, "") === JSON.stringify(this.#wanted);
    else if (this.#depth < 2) this.#isWanted = false;
    if (this.#depth === 0) this.#hasEnded = true;
  }
}
