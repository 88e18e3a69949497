// Runs one call of `slipway`: parses the arguments, runs the command, and turns errors into messages and exit codes.

import { CommanderError } from "commander";
import colors from "picocolors";
import { errorText } from "@slipway/setup";
import { CommandError, exitCodes } from "../client/command-error.ts";
import type { CliConfig } from "./config.ts";
import { createProgram } from "./program.ts";

/** @returns the exit code. */
export async function runSlipway(config: CliConfig, args: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.success;
  const program = createProgram(config, (code) => (exitCode = code));
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    // commander has already printed its own message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.success : exitCodes.usage;
    process.stderr.write(`${colors.red(" !    ")} ${errorText(error)}\n`);
    return error instanceof CommandError ? error.exitCode : exitCodes.failure;
  }
}
