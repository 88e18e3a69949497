// Reads a new password: twice and hidden from a terminal, as one line from other input.

import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import type { Readable } from "node:stream";
import { SlipwayError } from "@slipway/core";

export interface PasswordInput {
  readonly input: Readable & { readonly isTTY?: boolean };
  /** Writes to the terminal, without a line break. */
  readonly showMessage: (text: string) => void;
}

/** @throws {SlipwayError} "invalid" if there is no password, or the two entries differ. */
export async function readPassword({ input, showMessage }: PasswordInput): Promise<string> {
  const terminal = input.isTTY === true;
  const lines = createInterface({ input, output: discard(), terminal });
  const next = lines[Symbol.asyncIterator]();
  const prompt = async (label: string) => {
    if (terminal) showMessage(label);
    const { value, done } = await next.next();
    if (terminal) showMessage("\n");
    if (done === true || value === "") throw new SlipwayError("invalid", "no password was given");
    return value;
  };
  // In a terminal, Ctrl-C arrives as a key, not as a signal.
  lines.once("SIGINT", () => lines.close());
  try {
    const password = await prompt("Password: ");
    if (terminal && (await prompt("Repeat password: ")) !== password) {
      throw new SlipwayError("invalid", "the passwords differ; run the command again");
    }
    return password;
  } finally {
    lines.close();
  }
}

/** Discards the echo of typed characters. */
function discard(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}
