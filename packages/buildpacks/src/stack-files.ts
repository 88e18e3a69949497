// Paths of the build runner and the bundled buildpacks in this repository.

import { join } from "node:path";

export const defaultStacksDir = join(import.meta.dirname, "../../../stacks");

/** The user that builds and releases run as; the stack image defines it. */
export const stackUid = 2000;
