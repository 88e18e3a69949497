// The errors of this package: failures of the npm registry are the platform's, impossible version requests are the user's.

import { SlipwayError } from "@slipway/core";

export function unavailable(message: string, cause?: unknown): SlipwayError {
  return new SlipwayError("toolchain-unavailable", message, { cause });
}

/** @param lines the message's lines. */
export function refused(...lines: readonly string[]): SlipwayError {
  return new SlipwayError("build-failed", lines.join("\n"));
}

/** Formats a text from the app for a message: shortened, with control characters escaped. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

/** The reason may be in the error's cause. For a host with several addresses, the error is an AggregateError without a message. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(", ");
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && !(error instanceof SlipwayError)
    ? reasonOf(error.cause)
    : error.message;
}
