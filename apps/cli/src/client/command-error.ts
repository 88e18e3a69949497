// The error of a command: its message for the user, and the exit code of the process.

import { SetupError } from "@slipway/setup";

/** The exit codes of `slipway`, documented in docs/cli.md. */
export const exitCodes = {
  success: 0,
  failure: 1,
  usage: 2,
  notSignedIn: 3,
  unreachable: 4,
  interrupted: 130,
} as const;

/** Whether the same request may succeed later. */
export function isPassing(error: unknown): error is CommandError {
  return error instanceof CommandError && error.passing;
}

export class CommandError extends SetupError {
  override name = "CommandError";
  readonly exitCode: number;
  /** Whether the same request may succeed later. */
  readonly passing: boolean;

  constructor(
    message: string,
    exitCode: number = exitCodes.failure,
    passing = exitCode === exitCodes.unreachable,
  ) {
    super(message);
    this.exitCode = exitCode;
    this.passing = passing;
  }
}
