// Makes the tar of a toolchain layer from checked packages, as a stream and without using the disk.

import { hash } from "node:crypto";
import { posix } from "node:path";
import type { ByteStream } from "@slipway/core";
import { writeEntries } from "@slipway/tar";
import type { NewEntry } from "@slipway/tar";
import { unavailable } from "./failures.ts";
import type { LayerLink, LayerPart, LayerPlan } from "./layer-plans.ts";
import type { PackageFile } from "./package-entries.ts";

/** File times are between these dates, so that none is in the future. */
const firstTime = new Date("2000-01-01T00:00:00Z").getTime();
const timeRangeSeconds = 20 * 365 * 86_400;

/**
 * The same plan gives the same bytes. All entries belong to root and have the same time, which depends on the plan, so that a file that
 * changes between versions does not keep both size and time. Folders precede their content.
 * @throws (while it is read) {SlipwayError} "toolchain-unavailable"; "build-failed" when a package does not have the hash that
 * the app names; the signal's reason when aborted.
 */
export function layerTar(plan: LayerPlan, signal: AbortSignal): ByteStream {
  return writeEntries(entriesOf(plan, signal));
}

async function* entriesOf(plan: LayerPlan, signal: AbortSignal): AsyncGenerator<NewEntry> {
  const layout = new LayerLayout(timeOf(plan.key), new Set(plan.links.map(({ target }) => target)));
  for (const part of plan.parts) yield* entriesOfPart(part, layout, signal);
  for (const link of plan.links) {
    if (!layout.has(link.target)) throw unavailable(`The package of ${plan.key} has no file ${link.target}.`);
    yield* layout.link(link);
  }
}

async function* entriesOfPart(
  part: LayerPart,
  layout: LayerLayout,
  signal: AbortSignal,
): AsyncGenerator<NewEntry> {
  for await (const file of part.files(signal)) {
    const path = part.place(file.path);
    if (path === null) continue;
    yield* "symlinkTo" in file ? layout.symlink(path, file.symlinkTo) : layout.file(path, file);
  }
}

/** Creates entries with their parent folders, and records their paths. */
class LayerLayout {
  readonly #time: Date;
  readonly #commands: ReadonlySet<string>;
  readonly #folders = new Set<string>();
  readonly #files = new Set<string>();

  /** @param commands paths of files that become executable, regardless of their package. */
  constructor(time: Date, commands: ReadonlySet<string>) {
    this.#time = time;
    this.#commands = commands;
  }

  has(path: string): boolean {
    return this.#files.has(path);
  }

  *file(path: string, { isExecutable, sizeBytes, body }: PackageFile): Generator<NewEntry> {
    const mode = isExecutable || this.#commands.has(path) ? 0o755 : 0o644;
    yield* this.#add({ kind: "file", path, mode, sizeBytes, body });
  }

  *link({ kind, path, target }: LayerLink): Generator<NewEntry> {
    if (kind === "hard") yield* this.#add({ kind: "hardlink", path, target, mode: 0o755, sizeBytes: 0 });
    else {
      yield* this.symlink(path, posix.relative(posix.dirname(path), target));
    }
  }

  *symlink(path: string, target: string): Generator<NewEntry> {
    yield* this.#add({ kind: "symlink", path, target, mode: 0o777, sizeBytes: 0 });
  }

  *#add(entry: Omit<NewEntry, "mtime" | "uid" | "gid">): Generator<NewEntry> {
    const { path } = entry;
    for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1)) {
      const folder = path.slice(0, end);
      if (this.#folders.has(folder)) continue;
      this.#folders.add(folder);
      yield this.#owned({ kind: "directory", path: folder, mode: 0o755, sizeBytes: 0 });
    }
    this.#files.add(path);
    yield this.#owned(entry);
  }

  #owned(entry: Omit<NewEntry, "mtime" | "uid" | "gid">): NewEntry {
    return { ...entry, mtime: this.#time, uid: 0, gid: 0 };
  }
}

function timeOf(key: string): Date {
  const seconds = Number.parseInt(hash("sha256", key, "hex").slice(0, 12), 16) % timeRangeSeconds;
  return new Date(firstTime + seconds * 1_000);
}
