// The error for a full disk, whose reason is shown to users.

import { SlipwayError } from "@slipway/core";

const noSpace: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT"]);

/** Whether a file system call failed because the disk, or its user's quota, is full. */
export function hasNoSpace(error: unknown): boolean {
  return error instanceof Error && noSpace.has((error as NodeJS.ErrnoException).code);
}

/** @param where the location that could not be written. @returns a "store-unavailable" whose hint says what to do. */
export function storeIsFull(where: string, cause: unknown): SlipwayError {
  const hint =
    "Slipway's disk is full, so it accepts nothing new; an operator has to free space on it. What was accepted before continues then.";
  return new SlipwayError("store-unavailable", `${where} cannot be written: its disk is full`, {
    cause,
    hint,
  });
}
