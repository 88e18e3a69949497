// Reads what the build runner left in /work/result. The build may have written there too, so it is bounded and not believed.

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

const fileMaxBytes = 64 * 1024;
const entriesMax = 100;
/** Of all files by their sizes, which is what a file with holes is sent with. */
const totalMaxBytes = entriesMax * fileMaxBytes;
const knownFiles: ReadonlySet<string> = new Set(["buildpack", "release.yml", "Procfile", "slugignore"]);

/**
 * @param tar the engine's tar of /work/result, names beginning with `result/`.
 * @throws {SlipwayError} "build-failed" when it is not what the runner writes.
 */
export async function resultOf(tar: ByteStream): Promise<BuildResult> {
  const files = new Map<string, string>();
  let count = 0;
  let totalBytes = 0;
  for await (const entry of tarEntries(tar)) {
    count += 1;
    totalBytes += entry.header.size ?? 0;
    if (count > entriesMax) throw unusable("it holds too many files");
    if (totalBytes > totalMaxBytes) throw unusable(`its files are larger than ${totalMaxBytes} bytes`);
    const name = entry.header.name.replace(/^result\//, "");
    if (entry.header.type !== "file" || !knownFiles.has(name)) continue;
    if (entry.header.size > fileMaxBytes) throw unusable(`${name} is larger than ${fileMaxBytes} bytes`);
    files.set(name, Buffer.concat(await Array.fromAsync(entry.content())).toString("utf8"));
  }
  const buildpack = files.get("buildpack")?.trim();
  if (!buildpack) throw unusable("it does not name the buildpack");
  return {
    buildpack,
    release: files.get("release.yml") ?? null,
    procfile: files.get("Procfile") ?? null,
    slugIgnore: files.get("slugignore") ?? null,
  };
}

function unusable(reason: string): SlipwayError {
  return new SlipwayError("build-failed", `The build left an unusable result: ${reason}.`);
}
