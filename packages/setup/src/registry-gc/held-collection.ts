// The part of a garbage collection during which pushes are held. Every step extends the hold, because each may take longer than the hold.

import { contain } from "@slipway/async";
import type { RegistryHold } from "@slipway/bus";
import type { Step } from "../progress.ts";
import { collectGarbage, usedBytes } from "./collector.ts";
import type { RegistryHost } from "./collector.ts";
import { removeDamagedManifests } from "./damaged-manifests.ts";

interface HeldCollection extends Pick<Step, "report"> {
  readonly hold: Pick<RegistryHold, "extend">;
  /** Reports the next step. */
  readonly note: (detail: string) => void;
  readonly signal: AbortSignal;
}

export interface RegistryGcResult {
  /** Number of blobs that were deleted, or would be. */
  readonly blobs: number;
  /** Disk space in bytes that was freed, or would be. */
  readonly freedBytes: number;
}

/** Interval of extending the hold. */
const confirmEveryMs = 2_000;

/** Removes damaged manifests, and then content that no image contains. @throws {SetupError} like `collectGarbage`. */
export async function collectHeld(
  host: RegistryHost,
  { hold, note, report, signal }: HeldCollection,
): Promise<RegistryGcResult> {
  note("looking for what a full disk damaged");
  for (const folder of await whileHeld(hold, () => removeDamagedManifests(host)))
    report(`removed ${folder}, which a full disk damaged: deploy what it belongs to again if it is used`);
  note("deleting what no image contains");
  const confirmation = { everyMs: confirmEveryMs, confirm: () => hold.extend(), signal };
  // Both sizes are measured while nothing is pushed.
  const before = await whileHeld(hold, () => usedBytes(host));
  const { blobs } = await collectGarbage(host, confirmation);
  const after = await whileHeld(hold, () => usedBytes(host));
  return { blobs: blobs.length, freedBytes: before - after };
}

/** Extends the hold during the work. A lost hold is noticed before the collection starts. */
async function whileHeld<T>(hold: Pick<RegistryHold, "extend">, work: () => Promise<T>): Promise<T> {
  // The next call repeats it, or reports that the hold was lost.
  const extend = contain(
    () => hold.extend(),
    () => undefined,
  );
  const timer = setInterval(extend, confirmEveryMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
