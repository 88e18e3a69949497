// This clone: its folder, and the mark of everything that its tests create.

import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";

/** The clone's folder, without a slash at the end. */
export const repositoryRoot = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");

/** The prefix of the ids of all installations that this clone's tests create. `npm run down` finds what they left by it. */
export const testsOf = `test-${createHash("sha256").update(repositoryRoot).digest("hex").slice(0, 8)}`;
