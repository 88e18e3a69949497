// The part of a garbage collection during which pushes are held up. Every step extends the hold, because each may take longer than one.

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
  /** How many blobs were deleted, or would be. */
  readonly blobs: number;
  /** Bytes of disk that this freed, or would. */
  readonly freedBytes: number;
}

/** How often the hold is extended. */
const confirmEveryMs = 2_000;

/** Removes what is damaged, and then what no image contains. @throws {SetupError} as `collectGarbage`. */
export async function collectHeld(
  host: RegistryHost,
  { hold, note, report, signal }: HeldCollection,
): Promise<RegistryGcResult> {
  note("looking for what a full disk damaged");
  for (const folder of await whileHeld(hold, () => removeDamagedManifests(host)))
    report(`removed ${folder}, which a full disk damaged: deploy what it belongs to again if it is used`);
  note("deleting what no image contains");
  const confirmation = { everyMs: confirmEveryMs, confirm: () => hold.extend(), signal };
  // Both sizes while nothing is pushed.
  const before = await whileHeld(hold, () => usedBytes(host));
  const { blobs } = await collectGarbage(host, confirmation);
  const after = await whileHeld(hold, () => usedBytes(host));
  return { blobs: blobs.length, freedBytes: before - after };
}

/** Extends the hold during the work. A hold that was lost is noticed before the collection starts. */
async function whileHeld<T>(hold: Pick<RegistryHold, "extend">, work: () => Promise<T>): Promise<T> {
  // The next one repeats it, or reports that the hold was lost.
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
