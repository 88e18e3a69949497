// Turns a source archive into the tar an engine unpacks: checked, its root folder replaced by a prefix, more entries after it.

import { type ByteStream, SlipwayError } from "@slipway/core";
import { type CheckedEntry, type UnpackLimits, checkedEntries } from "./checked-entries.ts";
import { buildOwnerId, entryHeader } from "./entry-header.ts";
import { symlinkTarget } from "./entry-path.ts";
import { gunzip } from "./gunzip.ts";
import { PathLedger } from "./path-ledger.ts";
import { encodeHeader, endMark, joined, padding } from "./tar-writer.ts";

/** A file or folder of the caller's own. `name` is relative to where the tar is unpacked, not to the prefix. */
export type ExtraEntry =
  | { readonly kind: "file"; readonly name: string; readonly mode: number; readonly content: Uint8Array }
  | { readonly kind: "directory"; readonly name: string; readonly mode: number };

export interface SourceTarOptions {
  /** Folder that takes the place of the archive's root folder, e.g. `build/`. */
  readonly prefix: string;
  readonly limits: UnpackLimits;
  readonly signal: AbortSignal;
  /** Paths, relative to the archive's folder, of small files to keep a copy of: `Procfile`, `.buildpacks`… */
  readonly capture?: readonly string[];
  /**
   * Written after the source; not asked for its first entry before the summary is there, so that it may await it. Folders
   * that lead to an entry are made.
   */
  readonly extra?: AsyncIterable<ExtraEntry> | Iterable<ExtraEntry>;
  /** User and group that own all of it: the build's, 2000. */
  readonly ownerId?: number;
}

export interface SourceSummary {
  /** Files, folders and links of the source, the root folder included. */
  readonly entryCount: number;
  /** Content of its files. */
  readonly sizeBytes: number;
  /** Regular files that were asked for and found, by path. */
  readonly captured: ReadonlyMap<string, Buffer>;
  /** Paths that were asked for but are larger than 64 KB: not captured. */
  readonly oversized: readonly string[];
}

export interface SourceTar {
  /** To be read once. Fails with "archive-invalid", "archive-too-large", the archive stream's own error or the signal's reason. */
  readonly tar: ByteStream;
  /** Settles while the tar is read, before the extra entries; rejects when the tar fails or is not read to there. */
  readonly summary: Promise<SourceSummary>;
}

const maxCapturedBytes = 64 * 1024;
const extraTime = new Date(0);

/**
 * Nothing is read before the tar is, and no more than it: memory does not grow with the archive. Modes keep their execute
 * bits, lose setuid and the like, and let the owner read and write; modification times are kept.
 */
export function sourceTar(archive: ByteStream, options: SourceTarOptions): SourceTar {
  const summary = Promise.withResolvers<SourceSummary>();
  // Whoever reads the tar gets the same error; one who does not look at the summary must not end the process.
  summary.promise.catch(() => "reported by the tar");
  return { tar: joined(write(archive, options, summary)), summary: summary.promise };
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
      yield* capture.passing(entry);
    }
    summary.resolve(capture.summary());
  } catch (error) {
    summary.reject(error);
    throw error;
  } finally {
    summary.reject(new SlipwayError("aborted", "The source was not read to its end."));
  }
  yield* writeExtra(options.extra ?? [], prefix, ownerId, options.signal);
  yield endMark;
}

async function* writeExtra(
  extra: AsyncIterable<ExtraEntry> | Iterable<ExtraEntry>,
  prefix: string,
  ownerId: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const ledger = new PathLedger();
  ledger.note(prefix, "directory");
  const folder = (path: string, mode: number) =>
    encodeHeader({ type: "Directory", path, mode, mtime: extraTime, sizeBytes: 0, ownerId });
  for await (const entry of extra) {
    signal.throwIfAborted();
    const path = entry.name.replace(/\/+$/, "");
    for (const parent of ledger.note(path, entry.kind)) yield folder(parent, 0o755);
    if (entry.kind === "directory") yield folder(path, entry.mode);
    else {
      const sizeBytes = entry.content.length;
      yield encodeHeader({ type: "File", path, mode: entry.mode, mtime: extraTime, sizeBytes, ownerId });
      yield entry.content;
      yield padding(sizeBytes);
    }
  }
}

/** Counts the source as it passes, and keeps copies of the control files in it. */
class Capture {
  readonly #wanted: ReadonlySet<string>;
  readonly #captured = new Map<string, Buffer>();
  readonly #oversized = new Set<string>();
  #entryCount = 0;
  #sizeBytes = 0;

  constructor(wanted: readonly string[]) {
    this.#wanted = new Set(wanted);
  }

  /** The entry's body with its padding. */
  async *passing(entry: CheckedEntry): AsyncGenerator<Uint8Array> {
    this.#entryCount += 1;
    // What comes later under a name replaces what came before, whatever it is.
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
