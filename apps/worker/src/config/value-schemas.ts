// The schemas of values that settings of several subjects share.

import { z } from "zod";

/** Name of a container runtime, as in the engine's daemon.json. */
export const runtimeSetting = z.string().regex(/^[\w.-]+$/, "must be the name of a container runtime");

/** CPUs of a container; may be a fraction. */
export const cpusSetting = z.coerce.number().positive();
