// Reads the field packageManager of package.json.

import { quoted, refused } from "./failures.ts";

/** A hash in hexadecimal digits, as corepack writes it. */
export interface PackageHash {
  readonly algorithm: "sha1" | "sha224" | "sha256" | "sha384" | "sha512";
  readonly hex: string;
}

export interface PackageManagerField {
  readonly name: "npm" | "pnpm" | "yarn" | "bun";
  /** A version, or a range; empty when the field has the name only. */
  readonly wanted: string;
  readonly hash?: PackageHash | undefined;
}

const form =
  /^(npm|pnpm|yarn|bun)(?:@([^+]*)(?:\+(sha1|sha224|sha256|sha384|sha512)\.([0-9a-f]{40,128}))?)?$/;

/**
 * @param text `pnpm@9.1.0`, `yarn@4.5.0+sha512.…`
 * @throws {SlipwayError} "build-failed" when it names no package manager that Slipway knows.
 */
export function readPackageManagerField(text: string): PackageManagerField {
  const [match, name, wanted = "", algorithm, hex] = form.exec(text.trim()) ?? [];
  if (match === undefined)
    throw refused(
      `${quoted(text)} (packageManager of package.json) names no package manager and version.`,
      "Accepted are npm, pnpm, yarn and bun with a version, such as pnpm@9.1.0, and a hash as corepack adds it.",
    );
  const found = { name: name as PackageManagerField["name"], wanted };
  return hex === undefined
    ? found
    : { ...found, hash: { algorithm: algorithm as PackageHash["algorithm"], hex } };
}
