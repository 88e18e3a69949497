// Reads variables from the text of a .env file and from NAME=VALUE arguments.

import { parseEnv } from "node:util";
import { CommandError, exitCodes } from "../client/command-error.ts";

export interface NewVariable {
  readonly name: string;
  readonly value: string;
}

/** Reads a .env file: comments, quotes and values of several lines, as Node.js reads them. */
export function parseDotenv(text: string): NewVariable[] {
  return Object.entries(parseEnv(text)).map(([name, value]) => ({ name, value: value ?? "" }));
}

/** @throws {CommandError} for an argument without a name or without "=". */
export function parseAssignment(text: string): NewVariable {
  const at = text.indexOf("=");
  if (at > 0) return { name: text.slice(0, at), value: text.slice(at + 1) };
  throw new CommandError(
    `"${text.slice(0, 80)}" is not NAME=VALUE: give a name, "=" and a value.`,
    exitCodes.usage,
  );
}
