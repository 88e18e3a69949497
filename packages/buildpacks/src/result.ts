// Reads the result that the build runner wrote to /work/result. The build can write there too, so the content is limited and
// not trusted.

import { SlipwayError, type ByteStream } from "@slipway/core";
import { tarEntries } from "./tar-entries.ts";

export interface BuildResult {
  /** Name of the buildpack that built the app. */
  readonly buildpack: string;
  /** Output of its bin/release; null when it has none. */
  readonly release: string | null;
  readonly procfile: string | null;
  readonly slugIgnore: string | null;
}

const maxFileBytes = 64 * 1024;
const maxEntries = 100;
/** Limit for the sum of the file sizes. The engine sends sparse files with their full size. */
const maxTotalBytes = maxEntries * maxFileBytes;
const knownFiles: ReadonlySet<string> = new Set(["buildpack", "release.yml", "Procfile", "slugignore"]);

/**
 * @param tar the engine's tar of /work/result, whose names begin with `result/`.
 * @throws {SlipwayError} "build-failed" when the runner cannot have written the result.
 */
export async function resultOf(tar: ByteStream): Promise<BuildResult> {
  const files = new Map<string, string>();
  let count = 0;
  let totalBytes = 0;
  for await (const entry of tarEntries(tar)) {
    count += 1;
    totalBytes += entry.header.size ?? 0;
    if (count > maxEntries) throw invalidResult(`it has more than ${maxEntries} files`);
    if (totalBytes > maxTotalBytes) throw invalidResult(`its files are larger than ${maxTotalBytes} bytes`);
    const name = entry.header.name.replace(/^result\//, "");
    if (entry.header.type !== "file" || !knownFiles.has(name)) continue;
    if (entry.header.size > maxFileBytes) throw invalidResult(`${name} is larger than ${maxFileBytes} bytes`);
    files.set(name, Buffer.concat(await Array.fromAsync(entry.content())).toString("utf8"));
  }
  const buildpack = files.get("buildpack")?.trim();
  if (!buildpack) throw invalidResult("it does not name the buildpack");
  return {
    buildpack,
    release: files.get("release.yml") ?? null,
    procfile: files.get("Procfile") ?? null,
    slugIgnore: files.get("slugignore") ?? null,
  };
}

function invalidResult(reason: string): SlipwayError {
  return new SlipwayError("build-failed", `The result of the build in /work/result is invalid: ${reason}.`);
}
