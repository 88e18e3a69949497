// Reads facts about an install from npm's lock file, and the programs that its packages provide.

import { z } from "zod";
import type { LockFacts } from "./lock-facts.ts";
import { nameAt } from "./node-locks.ts";
import { parsed } from "./parsed.ts";

const schema = z.object({
  lockfileVersion: z.number(),
  packages: z.record(
    z.string(),
    z.object({
      link: z.boolean().catch(false),
      resolved: z.string().optional().catch(undefined),
      hasInstallScript: z.boolean().catch(false),
      dev: z.boolean().catch(false),
      bin: z.record(z.string(), z.unknown()).catch({}),
    }),
  ),
});

/** A package whose commands are in node_modules/.bin. */
interface ProgramProvider {
  readonly packageName: string;
  /** Whether it is also installed without devDependencies. */
  readonly inReleases: boolean;
}

/** @returns null for a file that is not a lock file of version 2 or 3, which npm 7 and later write. */
export function npmLockFacts(text: string): LockFacts | null {
  const packages = packagesOf(text);
  if (packages === null) return null;
  const linkedFolders = packages.flatMap(([, { link, resolved }]) => (link ? [resolved ?? ""] : []));
  return {
    packageCount: packages.length,
    linkedFolders,
    usesSource:
      linkedFolders.some((folder) => !isInside(folder)) ||
      packages.some(([path, { resolved }]) => isInSource(path, resolved, linkedFolders)),
    withInstallScript: packages.flatMap(([path, { hasInstallScript }]) =>
      hasInstallScript ? [nameAt(path)] : [],
    ),
  };
}

/** @returns the programs that packages at the top of node_modules provide; empty when the file cannot be read. */
export function lockedPrograms(text: string): ReadonlyMap<string, ProgramProvider> {
  const programs = new Map<string, ProgramProvider>();
  for (const [path, { bin, dev }] of packagesOf(text) ?? []) {
    if (path.lastIndexOf("node_modules/") !== 0) continue;
    for (const program of Object.keys(bin))
      if (programs.get(program)?.inReleases !== true)
        programs.set(program, { packageName: nameAt(path), inReleases: !dev });
  }
  return programs;
}

function packagesOf(text: string) {
  const lock = schema.safeParse(parsed(text, JSON.parse));
  if (!lock.success || ![2, 3].includes(lock.data.lockfileVersion)) return null;
  return Object.entries(lock.data.packages).filter(([path]) => path !== "");
}

/** Whether a package is part of the source, but is neither a linked folder nor a dependency of one. */
function isInSource(path: string, resolved: string | undefined, linkedFolders: readonly string[]): boolean {
  const isOfFolder = (folder: string) => path === folder || path.startsWith(`${folder}/node_modules/`);
  const isKnown = path.startsWith("node_modules/") || linkedFolders.some(isOfFolder);
  return !isKnown || resolved?.startsWith("file:") === true;
}

function isInside(folder: string): boolean {
  return /^[^/:]+(\/[^/:]+)*$/.test(folder) && !folder.split("/").includes("..");
}
