// A part of a toolchain layer that is a package of the npm registry.

import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import type { PackageHash } from "@slipway/buildpacks";
import type { ByteStream } from "@slipway/core";
import { refused } from "./failures.ts";
import type { LayerPart } from "./layer-plans.ts";
import type { NpmRegistry } from "./npm-registry.ts";
import { packageFiles } from "./package-entries.ts";
import type { PackageFile } from "./package-entries.ts";
import type { PackageId } from "./package-managers.ts";

export interface NpmPackage {
  readonly package: PackageId;
  readonly place: LayerPart["place"];
  /** The hash that the app specifies, of the tarball or of a file in the package. */
  readonly expected?: { readonly hash: PackageHash; readonly file: string | null; readonly wantedBy: string };
}

/** @returns a part whose files fail with "build-failed" when the package does not match the app's hash. */
export function npmPart(npm: NpmRegistry, { place, ...content }: NpmPackage): LayerPart {
  return { place, files: (signal) => filesOf(npm, content, signal) };
}

async function* filesOf(
  npm: NpmRegistry,
  { package: { name, version }, expected }: Omit<NpmPackage, "place">,
  signal: AbortSignal,
): AsyncGenerator<PackageFile> {
  const check = expected && createHash(expected.hash.algorithm);
  const tarball = npm.tarball(name, version, signal);
  const hashed = check !== undefined && expected?.file === null ? through(tarball, check) : tarball;
  for await (const file of packageFiles(hashed, `${name} ${version}`, signal)) {
    const isChecked = check !== undefined && expected?.file === file.path;
    yield isChecked ? { ...file, body: through(file.body, check) } : file;
  }
  if (expected !== undefined && check?.digest("hex") !== expected.hash.hex)
    throw refused(
      `${name} ${version} does not have the ${expected.hash.algorithm} hash that ${expected.wantedBy} names.`,
      "Correct the hash, or leave it out: the npm registry's own checksum is compared in any case.",
    );
}

async function* through(bytes: ByteStream, hash: Hash): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    hash.update(chunk);
    yield chunk;
  }
}
