// Converts a source archive into a tar that an engine can unpack: checks it, replaces its root folder by a prefix, and appends
// extra entries.

import { type ByteStream, SlipwayError } from "@slipway/core";
import { type NewEntry, writeEntries } from "@slipway/tar";
import { type CheckedEntry, type UnpackLimits, checkedEntries } from "./checked-entries.ts";
import { symlinkTarget } from "./entry-path.ts";
import { gunzip } from "./gunzip.ts";
import { buildOwnerId, newEntry } from "./new-entry.ts";
import { PathLedger } from "./path-ledger.ts";

/** A file or folder that the caller adds. `name` is relative to the root of the tar, not to the prefix. */
export type ExtraEntry =
  | { readonly kind: "file"; readonly name: string; readonly mode: number; readonly content: Uint8Array }
  | { readonly kind: "directory"; readonly name: string; readonly mode: number };

export interface SourceTarOptions {
  /** Folder that replaces the archive's root folder, e.g. `build/`. */
  readonly prefix: string;
  readonly limits: UnpackLimits;
  readonly signal: AbortSignal;
  /** Paths of small files to copy into the summary, relative to the archive's root folder: `Procfile`, `.buildpacks`… */
  readonly capture?: readonly string[];
  /**
   * Entries to append. Their iteration begins after the summary has resolved, so they may await it. Missing parent folders are
   * added.
   */
  readonly extra?: AsyncIterable<ExtraEntry> | Iterable<ExtraEntry>;
  /** Id of the user and the group that own all entries; by default the build's, 2000. */
  readonly ownerId?: number;
}

export interface SourceSummary {
  /** Number of files, folders and links of the source, including the root folder. */
  readonly entryCount: number;
  /** Total size of its files. */
  readonly sizeBytes: number;
  /** Content of the regular files of `capture` that exist, by path. */
  readonly captured: ReadonlyMap<string, Buffer>;
  /** Paths of `capture` whose files are larger than 64 KiB, and were not captured. */
  readonly oversized: readonly string[];
}

export interface SourceTar {
  /** Can be read once. Fails with "archive-invalid", "archive-too-large", the archive stream's own error or the signal's reason. */
  readonly tar: ByteStream;
  /** Resolves while the tar is read, before the extra entries; rejects when the tar fails before or is not read that far. */
  readonly summary: Promise<SourceSummary>;
}

const maxCapturedBytes = 64 * 1024;
const extraMtime = new Date(0);

/**
 * Reads the archive only as far as the tar is read, so memory does not grow with the archive. Keeps modification times and
 * execute bits, clears setuid, setgid and sticky bits, and lets the owner read and write.
 */
export function sourceTar(archive: ByteStream, options: SourceTarOptions): SourceTar {
  const summary = Promise.withResolvers<SourceSummary>();
  // The reader of the tar receives the same error, so a summary that is not awaited must not end the process.
  summary.promise.catch(() => undefined);
  const tar = writeEntries(newEntries(archive, options, summary));
  return { tar: reporting(tar, summary), summary: summary.promise };
}

/** Rejects the summary when the tar ends before the summary has resolved. */
async function* reporting(
  tar: ByteStream,
  summary: PromiseWithResolvers<SourceSummary>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* tar;
  } catch (error) {
    summary.reject(error);
    throw error;
  } finally {
    summary.reject(new SlipwayError("aborted", "The source archive was not read to its end."));
  }
}

async function* newEntries(
  archive: ByteStream,
  options: SourceTarOptions,
  summary: PromiseWithResolvers<SourceSummary>,
): AsyncGenerator<NewEntry> {
  const capture = new Capture(options.capture ?? []);
  const ownerId = options.ownerId ?? buildOwnerId;
  const prefix = options.prefix.replace(/\/+$/, "");
  const unzipped = gunzip(archive, options.signal);
  for await (const entry of checkedEntries(unzipped, options.limits, symlinkTarget))
    yield newEntry(capture.observe(entry), prefix, ownerId);
  summary.resolve(capture.summary());
  yield* extraEntries(options.extra ?? [], prefix, ownerId, options.signal);
}

async function* extraEntries(
  extra: AsyncIterable<ExtraEntry> | Iterable<ExtraEntry>,
  prefix: string,
  ownerId: number,
  signal: AbortSignal,
): AsyncGenerator<NewEntry> {
  const ledger = new PathLedger();
  ledger.add(prefix, "directory");
  const common = { uid: ownerId, gid: ownerId, mtime: extraMtime, sizeBytes: 0 };
  for await (const { name, ...entry } of extra) {
    signal.throwIfAborted();
    const path = name.replace(/\/+$/, "");
    for (const parent of ledger.add(path, entry.kind))
      yield { ...common, kind: "directory", path: parent, mode: 0o755 };
    if (entry.kind === "directory") yield { ...common, ...entry, path };
    else {
      const { kind, mode, content } = entry;
      yield { ...common, kind, path, mode, sizeBytes: content.length, body: content };
    }
  }
}

/** Counts the source's entries and captures the requested files. */
class Capture {
  readonly #wanted: ReadonlySet<string>;
  readonly #captured = new Map<string, Buffer>();
  readonly #oversized = new Set<string>();
  #entryCount = 0;
  #sizeBytes = 0;

  constructor(wanted: readonly string[]) {
    this.#wanted = new Set(wanted);
  }

  /** Counts the entry. @returns it, with a body that is copied while it is read if the file is a requested one. */
  observe(entry: CheckedEntry): CheckedEntry {
    this.#entryCount += 1;
    // A later entry replaces an earlier one at the same path, whatever its kind.
    this.#captured.delete(entry.path);
    this.#oversized.delete(entry.path);
    if (entry.kind !== "file") return entry;
    this.#sizeBytes += entry.sizeBytes;
    if (!this.#wanted.has(entry.path)) return entry;
    if (entry.sizeBytes <= maxCapturedBytes)
      return { ...entry, body: this.#copyBody(entry.path, entry.body) };
    this.#oversized.add(entry.path);
    return entry;
  }

  async *#copyBody(path: string, body: ByteStream): AsyncGenerator<Uint8Array> {
    const copies: Uint8Array[] = [];
    for await (const chunk of body) {
      copies.push(chunk);
      yield chunk;
    }
    this.#captured.set(path, Buffer.concat(copies));
  }

  summary(): SourceSummary {
    return {
      entryCount: this.#entryCount,
      sizeBytes: this.#sizeBytes,
      captured: this.#captured,
      oversized: [...this.#oversized],
    };
  }
}
