// What a deployment waits for, in words.

import type { WaitReason } from "@slipway/protocol";

/** Behind "waits for". */
const texts: Readonly<Record<WaitReason, string>> = {
  "app-busy": "an earlier deployment or operation of the app",
  "owner-slots": "a slot of the owner",
  "build-slots": "a build slot",
  "operation-slots": "a worker that has room for it",
  "no-worker": "a worker, because none is ready",
  "queue-paused": "an operator, who paused the queue",
};

/** @returns for example `a build slot`; `an unknown reason` while the API does not know it. */
export function waitText(reason: WaitReason | null): string {
  return reason === null ? "an unknown reason" : texts[reason];
}
