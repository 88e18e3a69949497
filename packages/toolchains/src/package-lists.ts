// The packages of a stack's distribution, listed once a day and stored in the blob store.

import type { BlobStore } from "@slipway/core";
import { unavailable } from "./failures.ts";
import { ResponseStore } from "./response-store.ts";
import { SharedWork } from "./shared-work.ts";

export interface DistributionPackage {
  readonly name: string;
  /** The distribution's version with its revision: `8.2.36-1~deb12u1`. */
  readonly version: string;
  readonly sha256: string;
  readonly url: string;
}

export interface PackageSets {
  readonly run: readonly DistributionPackage[];
  /** Packages for builds, in addition to those for releases. */
  readonly build: readonly DistributionPackage[];
}

export interface PackageListsOptions {
  readonly blobs: BlobStore;
  readonly now: () => Date;
  /** Called with failures that have no effect, because there is an earlier list. */
  readonly onError: (error: unknown) => void;
}

interface KeptList {
  /** Milliseconds since 1970. */
  readonly listedAt: number;
  readonly lines: string;
}

type List = (signal: AbortSignal) => Promise<string>;

const freshMs = 24 * 3_600_000;
/** After a failure, the previous list is used for this long before the next try. */
const fallbackMs = 10 * 60_000;
const packageLine = /^(run|build) (\S+) (\S+) ([0-9a-f]{64}) (https?:\/\/\S+)$/;

export class PackageLists {
  readonly #options: PackageListsOptions;
  readonly #texts: ResponseStore;
  readonly #memory = new Map<string, KeptList>();
  readonly #listing = new SharedWork<PackageSets>();

  constructor(options: PackageListsOptions) {
    this.#options = options;
    this.#texts = new ResponseStore({ ...options, scope: "distribution" });
  }

  /**
   * Returns the list under a key; concurrent callers share it.
   * @param list creates it: one line per package. @throws {SlipwayError} its error, if there is no previous list.
   */
  async get(key: string, list: List, signal: AbortSignal): Promise<PackageSets> {
    return await this.#listing.join(key, (shared) => this.#keptOrListed(key, list, shared), signal);
  }

  /** Lists are created anew when needed, unless another process has done so. While that fails, the current ones are used. */
  async outdate(): Promise<void> {
    for (const [key, { lines }] of this.#memory) {
      this.#memory.delete(key);
      const stored = await this.#stored(key);
      if (stored === null || stored.lines === lines) await this.#put(key, { listedAt: 0, lines });
    }
  }

  async #keptOrListed(key: string, list: List, signal: AbortSignal): Promise<PackageSets> {
    const time = this.#options.now().getTime();
    const kept = await this.#kept(key, time);
    if (kept !== null && time < kept.listedAt + freshMs) {
      this.#memory.set(key, kept);
      return setsOf(kept.lines);
    }
    try {
      const made = { listedAt: time, lines: await list(signal) };
      const sets = setsOf(made.lines);
      this.#memory.set(key, made);
      await this.#put(key, made);
      return sets;
    } catch (error) {
      signal.throwIfAborted();
      if (kept === null) throw error;
      this.#options.onError(error);
      this.#memory.set(key, { listedAt: time - freshMs + fallbackMs, lines: kept.lines });
      return setsOf(kept.lines);
    }
  }

  /** The newer of this process's list and the stored one, which another process may have created. */
  async #kept(key: string, time: number): Promise<KeptList | null> {
    const found = this.#memory.get(key) ?? null;
    if (found !== null && time < found.listedAt + freshMs) return found;
    const stored = await this.#stored(key);
    return stored === null || (found !== null && found.listedAt > stored.listedAt) ? found : stored;
  }

  async #stored(key: string): Promise<KeptList | null> {
    const text = await this.#texts.get("packages", key);
    return text === null ? null : (JSON.parse(text) as KeptList);
  }

  async #put(key: string, list: KeptList): Promise<void> {
    await this.#texts.put("packages", key, JSON.stringify(list));
  }
}

/**
 * @param name pattern of the package's name. @returns its version without the epoch and the distribution's revision.
 * @throws {SlipwayError} "toolchain-unavailable" when there is none.
 */
export function upstreamVersion(packages: readonly DistributionPackage[], name: RegExp): string {
  const found = packages.find((one) => name.test(one.name));
  if (found === undefined)
    throw unavailable(`The list of the stack's packages has none whose name matches ${name.source}.`);
  // "3.1.7+really3.1.2" is version 3.1.2, because the distribution cannot lower a version otherwise.
  return found.version
    .replace(/^\d+:/, "")
    .replace(/^.*\+really/, "")
    .replace(/-[^-]*$/, "");
}

/** @throws {SlipwayError} "toolchain-unavailable" for a line that names no package. */
function setsOf(lines: string): PackageSets {
  const run: DistributionPackage[] = [];
  const build: DistributionPackage[] = [];
  for (const line of lines.split("\n").filter((one) => one !== "")) {
    const [, set, name = "", version = "", sha256 = "", url = ""] = packageLine.exec(line) ?? [];
    if (set === undefined)
      throw unavailable(`The list of the stack's packages has a line that names none: ${line.slice(0, 200)}`);
    (set === "run" ? run : build).push({ name, version: version.replaceAll("%3a", ":"), sha256, url });
  }
  return { run, build };
}
