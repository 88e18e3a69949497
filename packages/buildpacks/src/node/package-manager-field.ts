// Reads the package manager that package.json names: in packageManager, or in devEngines.packageManager.

import { SlipwayError } from "@slipway/core";
import type { PackageJson } from "./package-json.ts";

/** A hash in hexadecimal digits, as corepack writes it. */
export interface PackageHash {
  readonly algorithm: "sha1" | "sha224" | "sha256" | "sha384" | "sha512";
  readonly hex: string;
}

export interface PackageManagerField {
  readonly name: "npm" | "pnpm" | "yarn" | "bun";
  /** A version, or a range; empty when the field contains only the name. */
  readonly wanted: string;
  readonly hash?: PackageHash | undefined;
  /** Name of the field, for messages. */
  readonly field: string;
}

const form =
  /^(npm|pnpm|yarn|bun)(?:@([^+]*)(?:\+(sha1|sha224|sha256|sha384|sha512)\.([0-9a-f]{40,128}))?)?$/;

/** @throws {SlipwayError} "build-failed" when packageManager names no package manager that Slipway knows. */
export function namedPackageManager({ packageManager, devEngines }: PackageJson): PackageManagerField | null {
  if (packageManager !== undefined) return readPackageManagerField(packageManager);
  for (const { name, version } of [devEngines.packageManager ?? []].flat())
    if (isKnown(name)) return { name, wanted: version, field: "devEngines.packageManager of package.json" };
  return null;
}

/**
 * @param text `pnpm@9.1.0`, `yarn@4.5.0+sha512.…`
 * @throws {SlipwayError} "build-failed" when it names no package manager that Slipway knows.
 */
export function readPackageManagerField(text: string): PackageManagerField {
  const [match, name, wanted = "", algorithm, hex] = form.exec(text.trim()) ?? [];
  if (match === undefined)
    throw new SlipwayError(
      "build-failed",
      `${JSON.stringify(text.slice(0, 100))} (packageManager of package.json) names no package manager and version.\n` +
        "Accepted are npm, pnpm, yarn and bun with a version, such as pnpm@9.1.0, and a hash as corepack adds it.",
    );
  const found = {
    name: name as PackageManagerField["name"],
    wanted,
    field: "packageManager of package.json",
  };
  return hex === undefined
    ? found
    : { ...found, hash: { algorithm: algorithm as PackageHash["algorithm"], hex } };
}

function isKnown(name: string): name is PackageManagerField["name"] {
  return ["npm", "pnpm", "yarn", "bun"].includes(name);
}
