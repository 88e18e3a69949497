// Texts for what a deployment waits for.

import type { WaitReason } from "../http/timeline.ts";

/** The texts after "waits for". */
const texts: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "app-busy": "an earlier deployment or operation of the app",
    "owner-slots": "a slot of the owner",
    "build-slots": "a build slot",
    "operation-slots": "a worker that has room for it",
    "no-worker": "a worker, because none is ready",
    "queue-paused": "an operator, who paused the queue",
  } satisfies Record<WaitReason, string>),
);

/** @returns for example `a build slot`; a reason of a newer version as it is; `an unknown reason` when the API reports none. */
export function waitText(reason: string | null): string {
  return reason === null ? "an unknown reason" : (texts.get(reason) ?? reason);
}
