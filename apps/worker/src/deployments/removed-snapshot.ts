// Handles the removal of a snapshot by any worker's housekeeping between its look-up and the build that uses it.

import { SlipwayError } from "@slipway/core";

/** Runs `onSnapshot`. Runs `instead` when `onSnapshot` rejects because the engine no longer has the snapshot. */
export async function unlessSnapshotRemoved<T>(
  onSnapshot: () => Promise<T>,
  instead: () => Promise<T>,
): Promise<T> {
  try {
    return await onSnapshot();
  } catch (error) {
    if (!isRemovedSnapshot(error)) throw error;
    return instead();
  }
}

function isRemovedSnapshot(error: unknown): boolean {
  return error instanceof SlipwayError && error.code === "not-found" && error.resource === "snapshot";
}
