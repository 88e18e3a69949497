// Finds a Chromium for tests that need a browser.

import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { chromiumPath, servicesRequired } from "./config.ts";

const usualPaths = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/**
 * Whether tests that need a browser must be skipped, for `describe.skipIf`.
 * @throws in CI, naming what is missing: no test is skipped there.
 */
export async function lacksBrowser(): Promise<boolean> {
  if ((await findBrowser()) !== undefined) return false;
  if (servicesRequired) throw new Error("a browser is missing: install chromium, or set CHROMIUM_PATH");
  return true;
}

/** Path of a Chromium; undefined when there is none. */
export async function findBrowser(): Promise<string | undefined> {
  for (const path of chromiumPath === undefined ? usualPaths : [chromiumPath]) {
    const runs = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) return path;
  }
  return undefined;
}
