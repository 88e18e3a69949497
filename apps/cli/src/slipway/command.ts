// What a command of `slipway` consists of.

import type { Command } from "commander";
import type { Session } from "./session.ts";

interface CommandSpec {
  readonly examples: readonly string[];
  readonly options?: readonly (readonly [flags: string, description: string])[];
  /** @returns the exit code. */
  run: (session: Session, args: readonly string[], command: Command) => Promise<number>;
}

/** Adds a command: its name with its arguments, and what it does. */
export type AddCommand = (usage: string, description: string, spec: CommandSpec) => Command;
