// Reads the result that the build runner wrote to /work/result. The build can write there too, so the content is limited and
// not trusted.

import { SlipwayError, type ByteStream } from "@slipway/core";
import { readEntries, TarError } from "@slipway/tar";

export interface BuildResult {
  /** Name of the buildpack that built the app. */
  readonly buildpack: string;
  /** Output of its bin/release; null when it has none. */
  readonly release: string | null;
  readonly procfile: string | null;
  readonly slugIgnore: string | null;
  /** Whether the build left nothing in its cache. */
  readonly hasEmptyCache: boolean;
  /** Whether the build certainly changed nothing in node_modules. */
  readonly keepsDependencies: boolean;
}

const maxFileBytes = 64 * 1024;
const maxEntries = 100;
/** The engine sends sparse files with their full size. */
const limits = { maxEntries, maxSizeBytes: maxEntries * maxFileBytes };
const knownFiles: ReadonlySet<string> = new Set([
  "buildpack",
  "release.yml",
  "Procfile",
  "slugignore",
  "no-cache",
  "same-dependencies",
]);

/**
 * @param tar the engine's tar of /work/result, whose names begin with `result/`.
 * @throws {SlipwayError} "build-failed" when the runner cannot have written the result.
 */
export async function resultOf(tar: ByteStream): Promise<BuildResult> {
  const files = await knownFilesOf(tar).catch((error: unknown) => {
    throw explained(error);
  });
  const buildpack = files.get("buildpack")?.trim();
  if (!buildpack) throw invalidResult("it does not name the buildpack");
  return {
    buildpack,
    release: files.get("release.yml") ?? null,
    procfile: files.get("Procfile") ?? null,
    slugIgnore: files.get("slugignore") ?? null,
    hasEmptyCache: files.has("no-cache"),
    keepsDependencies: files.has("same-dependencies"),
  };
}

async function knownFilesOf(tar: ByteStream): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for await (const { kind, path, sizeBytes, body } of readEntries(tar, limits)) {
    const name = path.replace(/^result\//, "");
    if (kind !== "file" || !knownFiles.has(name)) continue;
    if (sizeBytes > maxFileBytes) throw invalidResult(`${name} is larger than ${maxFileBytes} bytes`);
    files.set(name, Buffer.concat(await Array.fromAsync(body)).toString("utf8"));
  }
  return files;
}

/** A tar over a limit is the build's fault; a damaged one is the engine's. */
function explained(error: unknown): unknown {
  if (!(error instanceof TarError)) return error;
  if (error.problem === "too-many-entries") return invalidResult(`it has more than ${maxEntries} files`);
  if (error.problem === "too-large")
    return invalidResult(`its files are larger than ${limits.maxSizeBytes} bytes`);
  return error;
}

function invalidResult(reason: string): SlipwayError {
  return new SlipwayError("build-failed", `The result of the build in /work/result is invalid: ${reason}.`);
}
