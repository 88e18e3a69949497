// Reads from a lock file whether an install depends on more than the lock file, the manifest and a few settings.

import { posix } from "node:path";
import { z } from "zod";
import type { LockFacts } from "./lock-facts.ts";
import type { NodePackageManager } from "./locked-packages.ts";
import { isYarn1Lock } from "./node-locks.ts";
import { npmLockFacts } from "./npm-lock-facts.ts";
import { maxYamlLength, yamlOf } from "./parsed.ts";

/** Protocols of packages that are, or may be, part of the source. */
const inSource = /(?:^|["@])(?:file|link|portal|workspace|exec|root):/;

/** What an importer may have when others are linked to it: nothing says that it is copied, or linked by a folder of its own. */
const importerFields: ReadonlySet<string> = new Set([
  "specifiers",
  "dependencies",
  "devDependencies",
  "optionalDependencies",
]);

const pnpmSchema = z.object({
  importers: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
  lockfileVersion: z.coerce.string().optional(),
  packages: z
    .record(
      z.string(),
      z.object({
        resolution: z.record(z.string(), z.unknown()),
        requiresBuild: z.boolean().optional(),
        dependencies: z.unknown().optional(),
        optionalDependencies: z.unknown().optional(),
      }),
    )
    .optional(),
  snapshots: z.unknown().optional(),
  patchedDependencies: z.undefined().optional(),
  pnpmfileChecksum: z.undefined().optional(),
});
const dependenciesSchema = z.record(
  z.string(),
  z.string().or(z.object({ version: z.string() }).transform(({ version }) => version)),
);
const yarnSchema = z.record(
  z.string(),
  z.object({ resolution: z.string().optional(), linkType: z.enum(["hard", "soft"]).optional() }),
);
const bunSchema = z.object({
  workspaces: z.record(z.string(), z.unknown()),
  packages: z.record(z.string(), z.tuple([z.string()], z.unknown())).optional(),
  patchedDependencies: z.undefined().optional(),
});

/** @returns null for a file that cannot be read, or that contains something unknown to this reader. */
export function readLockFacts(manager: NodePackageManager, text: string): LockFacts | null {
  if (manager === "npm") return npmLockFacts(text);
  if (text.length > maxYamlLength) return null;
  if (manager === "yarn" && isYarn1Lock(text)) return yarn1LockFacts(text);
  return { pnpm: pnpmLockFacts, yarn: berryLockFacts, bun: bunLockFacts }[manager](yamlOf(text));
}

function pnpmLockFacts(value: unknown): LockFacts | null {
  const lock = pnpmSchema.safeParse(value);
  if (!lock.success) return null;
  const { importers = { ".": {} }, packages = {}, snapshots, lockfileVersion = "" } = lock.data;
  const linkedFolders = Object.keys(importers).filter((folder) => folder !== ".");
  const entries = Object.entries(packages);
  // Up to pnpm 8.
  const listsBuildScripts = /^[56]\./.test(lockfileVersion);
  const mayBuild = entries.filter(([, { requiresBuild = false }]) => requiresBuild || !listsBuildScripts);
  const isInSource = ([key, { resolution }]: (typeof entries)[number]) =>
    inSource.test(key) || resolution["type"] === "directory" || inSource.test(String(resolution["tarball"]));
  return {
    packageCount: entries.length,
    linkedFolders,
    usesSource:
      importersUseSource(importers) ||
      entries.some(isInSource) ||
      // A package whose peer is a workspace.
      inSource.test(
        JSON.stringify([
          snapshots ?? null,
          entries.map(([, { dependencies, optionalDependencies }]) => [dependencies, optionalDependencies]),
        ]),
      ),
    // `/name@1.0.0` up to pnpm 8, `/name/1.0.0` up to pnpm 7
    withInstallScript: mayBuild.map(([key]) =>
      nameIn(key.replace(/^\//, "").replace(/^((?:@[^/]+\/)?[^/@]+)\/.*/, "$1")),
    ),
  };
}

/** Links from one importer to another are part of any install. */
function importersUseSource(importers: Readonly<Record<string, Readonly<Record<string, unknown>>>>): boolean {
  const isMonorepo = Object.keys(importers).length > 1;
  const isImporter = (from: string, folder: string) => Object.hasOwn(importers, posix.join(from, folder));
  return Object.entries(importers).some(
    ([from, { specifiers: _specifiers, ...fields }]) =>
      (isMonorepo && Object.keys(fields).some((name) => !importerFields.has(name))) ||
      versionsIn(fields).some(
        (version) =>
          inSource.test(version) &&
          !(version.startsWith("link:") && isImporter(from, version.slice("link:".length))),
      ),
  );
}

/** A dependency's version is a string up to pnpm 7, and since then part of an object with the specifier. */
function versionsIn(fields: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.values(fields).flatMap((dependencies) =>
    Object.values(dependenciesSchema.safeParse(dependencies).data ?? {}),
  );
}

function berryLockFacts(value: unknown): LockFacts | null {
  const lock = yarnSchema.safeParse(value);
  if (!lock.success || !Object.hasOwn(lock.data, "__metadata")) return null;
  const entries = Object.entries(lock.data).filter(([key]) => key !== "__metadata");
  const folders = new Map(
    entries.map(([key, { resolution = "" }]) => [key, /@workspace:(.+)$/.exec(resolution)?.[1]]),
  );
  const packages = entries.filter(([key]) => folders.get(key) === undefined);
  const isInSource = ({ resolution, linkType }: (typeof packages)[number][1]) =>
    resolution === undefined ||
    linkType !== "hard" ||
    inSource.test(resolution) ||
    (resolution.includes("@patch:") && !resolution.includes("builtin<"));
  return {
    packageCount: packages.length,
    linkedFolders: [...folders.values()].flatMap((folder = ".") => (folder === "." ? [] : [folder])),
    usesSource: packages.some(([, entry]) => isInSource(entry)),
    withInstallScript: packages.map(([, { resolution = "" }]) => nameIn(resolution)),
  };
}

/** Each entry begins with a line such as `"@a/b@^1.0.0", "@a/b@^1.1.0":`; indented lines belong to it. */
function yarn1LockFacts(text: string): LockFacts | null {
  const lines = text.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("#"));
  const heads = lines.filter((line) => !line.startsWith(" "));
  if (heads.some((line) => !/^(?:"[^"]+"|[^\s",]+)(?:, (?:"[^"]+"|[^\s",]+))*:$/.test(line))) return null;
  const patterns = heads.map((line) => line.replace(/^"|:$/g, ""));
  return {
    packageCount: heads.length,
    usesSource:
      heads.some((line) => inSource.test(line)) || lines.some((line) => /^ {2}resolved "?file:/.test(line)),
    withInstallScript: patterns.map(nameIn),
  };
}

function bunLockFacts(value: unknown): LockFacts | null {
  const lock = bunSchema.safeParse(value);
  if (!lock.success) return null;
  const { workspaces, packages = {} } = lock.data;
  const linked = new Set(Object.keys(workspaces).filter((folder) => folder !== ""));
  const isLinked = (id: string) => linked.has(id.split("@workspace:", 2)[1] ?? "");
  const ids = Object.values(packages).flatMap(([id]) => (isLinked(id) ? [] : [id]));
  return {
    packageCount: ids.length,
    linkedFolders: [...linked],
    usesSource: ids.some((id) => inSource.test(id)),
    withInstallScript: ids.map(nameIn),
  };
}

/** The name in `name@range`; a name may begin with an at sign. */
function nameIn(id: string): string {
  return /^@?[^@]+/.exec(id)?.[0] ?? id;
}
