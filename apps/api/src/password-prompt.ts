// Reads a new password: twice from a terminal, without showing it; else one line.

import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import type { Readable } from "node:stream";
import { SlipwayError } from "@slipway/core";

export interface PasswordInput {
  readonly input: Readable & { readonly isTTY?: boolean };
  readonly tell: (text: string) => void;
}

/** @throws {SlipwayError} "invalid" when there is none, or the two are not the same. */
export async function readPassword({ input, tell }: PasswordInput): Promise<string> {
  const terminal = input.isTTY === true;
  const lines = createInterface({ input, output: nowhere(), terminal });
  const next = lines[Symbol.asyncIterator]();
  const ask = async (question: string) => {
    if (terminal) tell(question);
    const { value, done } = await next.next();
    if (terminal) tell("\n");
    if (done === true || value === "") throw new SlipwayError("invalid", "no password was given");
    return value;
  };
  // Ctrl-C comes as a key here.
  lines.once("SIGINT", () => lines.close());
  try {
    const password = await ask("Password: ");
    if (terminal && (await ask("Once more: ")) !== password) {
      throw new SlipwayError("invalid", "the two are not the same");
    }
    return password;
  } finally {
    lines.close();
  }
}

/** What is typed would be shown here. */
function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}
