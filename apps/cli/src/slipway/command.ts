// The parts of a `slipway` command.

import type { Command } from "commander";
import type { Session } from "./session.ts";

interface CommandSpec {
  readonly examples: readonly string[];
  readonly options?: readonly (readonly [flags: string, description: string])[];
  /** @returns the exit code. */
  run: (session: Session, args: readonly string[], command: Command) => Promise<number>;
}

/** Adds a command: its name and arguments, its description, and its specification. */
export type AddCommand = (usage: string, description: string, spec: CommandSpec) => Command;
