// Reads the lock files of npm, pnpm and yarn. Packages in the source itself, such as workspaces, are omitted.

import { z } from "zod";
import type { Found, LockedPackage } from "./locked-package.ts";
import { parsed, yamlOf } from "./parsed.ts";

/** A package's entry in npm's lock file. */
export const npmEntrySchema = z.object({
  name: z.string().optional(),
  version: z.string().optional(),
  integrity: z.string().optional(),
  link: z.boolean().optional(),
  dev: z.boolean().optional(),
  devOptional: z.boolean().optional(),
  optional: z.boolean().optional(),
});
const modules = "node_modules/";
const npmSchema = z.object({ packages: z.record(z.string(), npmEntrySchema) });
/** A package's entry in pnpm's lock file. */
export const pnpmEntrySchema = z.object({
  resolution: z.object({ integrity: z.string().optional() }).optional(),
  dev: z.boolean().optional(),
  optional: z.boolean().optional(),
});
const pnpmSchema = z.object({ packages: z.record(z.string(), pnpmEntrySchema).default({}) });
const berryEntrySchema = z.object({
  version: z.coerce.string(),
  resolution: z.string().default(""),
  dependencies: z.record(z.string(), z.coerce.string()).default({}),
});
const berrySchema = z.record(z.string(), berryEntrySchema);
/** An entry in yarn.lock of yarn 2 and later. Its key contains all requests that it satisfies, such as `a@npm:^1.0.0, a@npm:^1.1.0`. */
type BerryEntry = readonly [key: string, z.output<typeof berryEntrySchema>];

/** Versions 2 and 3, which npm 7 and later write. */
export function readNpmLock(text: string): Found {
  const lock = npmSchema.safeParse(parsed(text, JSON.parse));
  return lock.success ? npmPackages(Object.entries(lock.data.packages)) : null;
}

/** @param entries entries with their paths. */
export function npmPackages(
  entries: readonly (readonly [path: string, z.output<typeof npmEntrySchema>])[],
): NonNullable<Found> {
  const inModules = entries.filter(([path, { link }]) => path.includes(modules) && link !== true);
  const packages = inModules.flatMap(([path, entry]): LockedPackage[] => {
    const { name = nameAt(path), version, integrity } = entry;
    if (version === undefined) return [];
    const scope = entry.dev === true ? "excluded" : optionalIf(entry.optional ?? entry.devOptional);
    return [{ type: "npm", name, version, scope, sha512: sha512Of(integrity) }];
  });
  return { packages, isComplete: packages.length === inModules.length };
}

/** @param path in package-lock.json. @returns the name under which the package is installed. */
export function nameAt(path: string): string {
  return path.slice(path.lastIndexOf(modules) + modules.length);
}

export function readPnpmLock(text: string): Found {
  const lock = pnpmSchema.safeParse(yamlOf(text));
  return lock.success ? pnpmPackages(Object.entries(lock.data.packages)) : null;
}

/** @param entries entries with their keys: `name@1.0.0(peers)`, `/name@1.0.0(peers)` up to pnpm 8, `/name/1.0.0_peers` up to pnpm 7. */
export function pnpmPackages(
  entries: readonly (readonly [key: string, z.output<typeof pnpmEntrySchema>])[],
): NonNullable<Found> {
  const packages = entries.flatMap(([key, entry]): LockedPackage[] => {
    const match = /^\/?((?:@[^/@]+\/)?[^/@]+)[@/](\d[^(_]*)/.exec(key);
    if (match === null) return [];
    const [, name = "", version = ""] = match;
    const scope = entry.dev === true ? "excluded" : optionalIf(entry.optional);
    return [{ type: "npm", name, version, scope, sha512: sha512Of(entry.resolution?.integrity) }];
  });
  return { packages, isComplete: packages.length === entries.length };
}

export function readYarnLock(text: string): Found {
  if (isYarn1Lock(text)) return readYarn1(text);
  const entries = berryEntries(text);
  return entries === null ? null : berryPackages(entries);
}

/** Whether yarn 1 wrote a yarn.lock. */
export function isYarn1Lock(text: string): boolean {
  return /^# yarn lockfile v1\s*$/m.test(text);
}

/** An entry begins with a line such as `"@a/b@^1.0.0", "@a/b@^1.1.0":`, or `c@npm:d@^1` for d under another name. */
function readYarn1(text: string): Found {
  const entries = text.split(/\n(?=\S)/).filter((entry) => !entry.startsWith("#") && entry.trim() !== "");
  const packages = entries.flatMap((entry): LockedPackage[] => {
    const [, pattern = ""] = /^"?([^",\n]+)/.exec(entry) ?? [];
    const [, name] = /^(?:.+@npm:)?(@?[^@]+)@/.exec(pattern) ?? [];
    const [, version] = /^ {2}version "(.+)"$/m.exec(entry) ?? [];
    if (name === undefined || version === undefined) return [];
    const [, integrity] = /^ {2}integrity (\S+)$/m.exec(entry) ?? [];
    return [{ type: "npm", name, version, scope: "required", sha512: sha512Of(integrity) }];
  });
  return { packages, isComplete: packages.length === entries.length };
}

/** @returns null for a file that yarn 2 and later do not write. */
export function berryEntries(text: string): readonly BerryEntry[] | null {
  const lock = berrySchema.safeParse(yamlOf(text));
  if (!lock.success) return null;
  const { __metadata: metadata, ...entries } = lock.data;
  return metadata === undefined ? null : Object.entries(entries);
}

/** Without digests: the file's checksums are those of archives that yarn itself creates. */
export function berryPackages(entries: readonly BerryEntry[]): NonNullable<Found> {
  const published = entries.filter(([, { resolution }]) => !resolution.includes("@workspace:"));
  const packages = published.flatMap(([, { resolution, version }]): LockedPackage[] => {
    const [, name] = /^(@?[^@]+)@npm:/.exec(resolution) ?? [];
    return name === undefined ? [] : [{ type: "npm", name, version, scope: "required", sha512: null }];
  });
  return { packages, isComplete: packages.length === published.length };
}

function optionalIf(isOptional: boolean | undefined): "optional" | "required" {
  return isOptional === true ? "optional" : "required";
}

/** @param integrity in the format of Subresource Integrity. */
export function sha512Of(integrity: string | undefined): string | null {
  const [, digest] = /(?:^|\s)sha512-([A-Za-z0-9+/]+=*)/.exec(integrity ?? "") ?? [];
  return digest === undefined ? null : Buffer.from(digest, "base64").toString("hex");
}
