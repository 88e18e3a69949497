// The error that set-up shows to its user: one message that says what is wrong and what to do, without a stack.

/** Something the user can put right; everything else is a fault of ours and keeps its stack. */
export class SetupError extends Error {
  override name = "SetupError";
}

/** What to print of any error: a set-up error's message alone, the whole of any other. */
export function errorText(error: unknown): string {
  if (error instanceof SetupError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The short reason inside an error of the system or a library, for use within a message. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
