// This clone: its folder, and the mark of all resources that its tests create.

import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";

/** The clone's folder, without a trailing slash. */
export const repositoryRoot = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");

/** Prefix of the ids of all installations that this clone's tests create, by which `npm run down` finds their leftovers. */
export const testsOf = `test-${createHash("sha256").update(repositoryRoot).digest("hex").slice(0, 8)}`;
