// Finds HAProxy for tests that need it.

import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { servicesRequired } from "./config.ts";

const usualPaths = [
  "/usr/sbin/haproxy",
  "/usr/local/sbin/haproxy",
  "/usr/bin/haproxy",
  "/usr/local/bin/haproxy",
];

/**
 * Whether tests that need HAProxy must be skipped, for `describe.skipIf`.
 * @throws in CI, naming what is missing: no test is skipped there.
 */
export async function lacksHaproxy(): Promise<boolean> {
  for (const path of usualPaths) {
    const runs = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) return false;
  }
  if (servicesRequired) throw new Error("haproxy is missing: install the package haproxy");
  return true;
}
