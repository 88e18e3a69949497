// How Slipway started the engine of this machine.

import type { ProcessIdentity } from "../../bootstrap/lock.mjs";

/** As one of Slipway's processes, or through systemd, which assigns an id to each start. */
export type EngineStart = ({ by: "process" } & ProcessIdentity) | { by: "systemd"; invocationId: string };
