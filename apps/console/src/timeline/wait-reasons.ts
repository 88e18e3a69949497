// Texts for what a deployment waits for.

import type { WaitReason } from "@slipway/protocol";

/** The texts after "waits for". */
const texts: Readonly<Record<WaitReason, string>> = {
  "app-busy": "an earlier deployment or operation of the app",
  "owner-slots": "a slot of the owner",
  "build-slots": "a build slot",
  "operation-slots": "a worker that has room for it",
  "no-worker": "a worker, because none is ready",
  "queue-paused": "an operator, who paused the queue",
};

/** @returns for example `a build slot`; `an unknown reason` when the API reports no reason. */
export function waitText(reason: WaitReason | null): string {
  return reason === null ? "an unknown reason" : texts[reason];
}
