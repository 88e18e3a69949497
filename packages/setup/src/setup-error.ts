// The error that commands print without a stack: its message contains the problem and what to do.

/** A failure that the user can fix. Any other error is a bug and is printed with its stack. */
export class SetupError extends Error {
  override name = "SetupError";
}

/** The text to print for an error: the message of a SetupError, the stack of any other. */
export function errorText(error: unknown): string {
  if (error instanceof SetupError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The message of a system or library error, for use within another message. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
