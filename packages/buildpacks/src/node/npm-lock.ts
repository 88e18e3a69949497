// Reads npm's lock file.

import { z } from "zod";
import type { LockFacts } from "./lock-facts.ts";

const schema = z.object({
  lockfileVersion: z.number(),
  packages: z.record(
    z.string(),
    z.object({
      link: z.boolean().catch(false),
      resolved: z.string().optional().catch(undefined),
      hasInstallScript: z.boolean().catch(false),
    }),
  ),
});

/** @returns null for a file that is not a lock file of version 2 or 3, which npm 7 and later write. */
export function readNpmLock(text: string): LockFacts | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // npm itself reports what is wrong with the file.
    return null;
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success || ![2, 3].includes(parsed.data.lockfileVersion)) return null;
  const packages = Object.entries(parsed.data.packages).filter(([path]) => path !== "");
  return {
    packageCount: packages.length,
    usesSource: packages.some(([path, { link, resolved }]) => isInSource(path, link, resolved)),
    withInstallScript: packages.flatMap(([path, { hasInstallScript }]) =>
      hasInstallScript ? [path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length)] : [],
    ),
  };
}

function isInSource(path: string, link: boolean, resolved: string | undefined): boolean {
  return link || !path.startsWith("node_modules/") || resolved?.startsWith("file:") === true;
}
