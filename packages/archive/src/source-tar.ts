// Converts a source archive into a tar that an engine can unpack: checks it, replaces its root folder by a prefix, and appends
// extra entries.

import { type ByteStream, SlipwayError } from "@slipway/core";
import { type CheckedEntry, type UnpackLimits, checkedEntries } from "./checked-entries.ts";
import { buildOwnerId, entryHeader } from "./entry-header.ts";
import { symlinkTarget } from "./entry-path.ts";
import { gunzip } from "./gunzip.ts";
import { PathLedger } from "./path-ledger.ts";
import { encodeHeader, endOfTar, joinChunks, padding } from "./tar-writer.ts";

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
  return { tar: joinChunks(write(archive, options, summary)), summary: summary.promise };
}

async function* write(
  archive: ByteStream,
  options: SourceTarOptions,
  summary: PromiseWithResolvers<SourceSummary>,
): AsyncGenerator<Uint8Array> {
  const capture = new Capture(options.capture ?? []);
  const ownerId = options.ownerId ?? buildOwnerId;
  const prefix = options.prefix.replace(/\/+$/, "");
  const unzipped = gunzip(archive, options.signal);
  try {
    for await (const entry of checkedEntries(unzipped, options.limits, symlinkTarget)) {
      yield encodeHeader(entryHeader(entry, prefix, ownerId));
      yield* capture.copyBody(entry);
    }
    summary.resolve(capture.summary());
  } catch (error) {
    summary.reject(error);
    throw error;
  } finally {
    summary.reject(new SlipwayError("aborted", "The source archive was not read to its end."));
  }
  yield* writeExtra(options.extra ?? [], prefix, ownerId, options.signal);
  yield endOfTar;
}

async function* writeExtra(
  extra: AsyncIterable<ExtraEntry> | Iterable<ExtraEntry>,
  prefix: string,
  ownerId: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const ledger = new PathLedger();
  ledger.add(prefix, "directory");
  const folder = (path: string, mode: number) =>
    encodeHeader({ type: "Directory", path, mode, mtime: extraMtime, sizeBytes: 0, ownerId });
  for await (const entry of extra) {
    signal.throwIfAborted();
    const path = entry.name.replace(/\/+$/, "");
    for (const parent of ledger.add(path, entry.kind)) yield folder(parent, 0o755);
    if (entry.kind === "directory") yield folder(path, entry.mode);
    else {
      const sizeBytes = entry.content.length;
      yield encodeHeader({ type: "File", path, mode: entry.mode, mtime: extraMtime, sizeBytes, ownerId });
      yield entry.content;
      yield padding(sizeBytes);
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

  /** Yields the entry's body with its padding. */
  async *copyBody(entry: CheckedEntry): AsyncGenerator<Uint8Array> {
    this.#entryCount += 1;
    // A later entry replaces an earlier one at the same path, whatever its kind.
    this.#captured.delete(entry.path);
    this.#oversized.delete(entry.path);
    if (entry.kind !== "file") return;
    this.#sizeBytes += entry.sizeBytes;
    const isWanted = this.#wanted.has(entry.path);
    if (isWanted && entry.sizeBytes > maxCapturedBytes) this.#oversized.add(entry.path);
    const copies: Uint8Array[] = [];
    const keepsCopy = isWanted && entry.sizeBytes <= maxCapturedBytes;
    for await (const chunk of entry.body) {
      if (keepsCopy) copies.push(chunk);
      yield chunk;
    }
    if (keepsCopy) this.#captured.set(entry.path, Buffer.concat(copies));
    yield padding(entry.sizeBytes);
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
