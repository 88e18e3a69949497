// Reads the result of a build, a tar that the build runner writes to stderr. The build can write there too, so the result is limited
// and not trusted.

import { Readable } from "node:stream";
import { SlipwayError } from "@slipway/core";
import { endOfTar, readEntries, TarError } from "@slipway/tar";

export interface BuildResult {
  /** Name of the buildpack that built the app. */
  readonly buildpack: string;
  /** Outputs of the buildpacks' bin/release scripts, in the order in which they ran. */
  readonly releases: readonly string[];
  readonly procfile: string | null;
  readonly slugIgnore: string | null;
  /** Whether the build left its cache empty. */
  readonly hasEmptyCache: boolean;
  /** Whether the build is known not to have changed node_modules. */
  readonly keepsDependencies: boolean;
  /** Unchecked tar of the app's files; null when they are too many or too large to be part of the result. */
  readonly app: Uint8Array | null;
}

export interface ResultReceiver {
  /** Receives the next bytes of stderr. @throws {SlipwayError} "build-failed" beyond the maximum size of a result. */
  readonly write: (bytes: Uint8Array) => void;
  /** All bytes received so far. */
  readonly bytes: () => Uint8Array;
}

const maxFileBytes = 64 * 1024;
/** Content of as many files as the runner includes at most, with their headers. */
const maxAppBytes = 384 * 1024;
const maxBytes = 512 * 1024;
const appFile = "app.tar";
const knownFiles: ReadonlySet<string> = new Set([
  "buildpack",
  "Procfile",
  "slugignore",
  "no-cache",
  "same-dependencies",
  appFile,
]);

/** Name of the output of bin/release, of the only buildpack or of the one with this number. */
const releaseFile = /^release(-\d\d)?\.yml$/;

/** Receives the result of one build. */
export function receiveResult(): ResultReceiver {
  const received = Buffer.alloc(maxBytes);
  let sizeBytes = 0;
  return {
    write(bytes) {
      if (sizeBytes + bytes.length > maxBytes) throw invalidResult(`it is larger than ${maxBytes} bytes`);
      received.set(bytes, sizeBytes);
      sizeBytes += bytes.length;
    },
    bytes: () => received.subarray(0, sizeBytes),
  };
}

/**
 * @param tar names begin with `result/`.
 * @throws {SlipwayError} "build-failed" when the runner cannot have written the tar.
 */
export async function resultOf(tar: Uint8Array): Promise<BuildResult> {
  const end = tar.subarray(-endOfTar.length);
  if (end.length < endOfTar.length || end.some((byte) => byte !== 0)) throw invalidResult("it is incomplete");
  const files = await knownFilesOf(tar).catch((error: unknown) => {
    throw error instanceof TarError ? invalidResult(error.message) : error;
  });
  const text = (name: string) => files.get(name)?.toString("utf8") ?? null;
  const buildpack = text("buildpack")?.trim();
  if (!buildpack) throw invalidResult("it does not name the buildpack");
  return {
    buildpack,
    releases: [...files]
      .filter(([name]) => releaseFile.test(name))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, content]) => content.toString("utf8")),
    procfile: text("Procfile"),
    slugIgnore: text("slugignore"),
    hasEmptyCache: files.has("no-cache"),
    keepsDependencies: files.has("same-dependencies"),
    app: files.get(appFile) ?? null,
  };
}

async function knownFilesOf(tar: Uint8Array): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for await (const { kind, path, sizeBytes, body } of readEntries(Readable.from([tar]), {})) {
    const name = path.replace(/^result\//, "");
    if (kind !== "file" || !(knownFiles.has(name) || releaseFile.test(name))) continue;
    const limit = name === appFile ? maxAppBytes : maxFileBytes;
    if (sizeBytes > limit) throw invalidResult(`${name} is larger than ${limit} bytes`);
    files.set(name, Buffer.concat(await Array.fromAsync(body)));
  }
  return files;
}

export function invalidResult(reason: string): SlipwayError {
  return new SlipwayError("build-failed", `The result of the build in /work/result is invalid: ${reason}.`);
}
