// How Slipway started the engine of this machine.

import type { ProcessIdentity } from "../../bootstrap/lock.mjs";

/** As a process of ours, or through systemd, which gives each start an id. */
export type EngineStart = ({ by: "process" } & ProcessIdentity) | { by: "systemd"; invocationId: string };
