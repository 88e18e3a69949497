// Reads a source archive once without unpacking it: checks it, copies its small control files, and computes a digest of its content.

import { createHash, hash } from "node:crypto";
import type { Hash } from "node:crypto";
import { posix } from "node:path";
import type { ByteStream } from "@slipway/core";
import { type CheckedEntry, type UnpackLimits, checkedEntries } from "./checked-entries.ts";
import { symlinkTarget } from "./entry-path.ts";
import { gunzip } from "./gunzip.ts";
import { keyOf } from "./path-ledger.ts";
import { ScatteredFiles } from "./scattered-files.ts";

export interface ScanOptions {
  readonly limits: UnpackLimits;
  /**
   * Paths of the files to copy, relative to the archive's root folder, each with its maximum size in bytes. A path that ends with a slash
   * names a folder, which is captured without content.
   */
  readonly capture: ReadonlyMap<string, number>;
  /** Names of files to copy in any folder, with their maximum sizes in bytes; 0 records only that the file exists. Default: none. */
  readonly captureAnywhere?: ReadonlyMap<string, number>;
  /** Folder whose names are listed, relative to the archive's root folder; "" for that folder itself. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

export interface SourceFacts {
  /** Number of files and links, without folders. */
  readonly fileCount: number;
  /** Total size of the files. */
  readonly sizeBytes: number;
  /** Content of the captured files that are regular files within their maximum size, by path. */
  readonly captured: ReadonlyMap<string, Buffer>;
  /** Captured files that are larger than their maximum size. */
  readonly oversized: ReadonlySet<string>;
  /**
   * The files found by `captureAnywhere`, by path. Null when the list is incomplete: a file is too large, there are too many, or the source
   * contains node_modules.
   */
  readonly scattered: ReadonlyMap<string, Buffer> | null;
  /** Symbolic and hard links; null when they are too many to list. */
  readonly links: readonly SourceLink[] | null;
  /** Names in `folder`, sorted; those of folders end with a slash. */
  readonly names: readonly string[];
  /**
   * SHA-256 of all paths, kinds, execute bits and contents. It depends neither on the order of the archive nor on its times,
   * owners and compression.
   */
  readonly digest: string;
  /** Hexadecimal SHA-256 of the archive itself. */
  readonly archiveDigest: string;
  /** Newest modification time of the files. */
  readonly newestTime: Date;
}

export interface SourceLink {
  readonly path: string;
  /** Relative to the source, possibly outside of it; absolute if the link's own target is absolute. */
  readonly target: string;
  readonly leadsToFile: boolean;
}

const maxLinks = 1_000;

/**
 * Memory grows with the number of entries, about 200 bytes each, but not with their sizes nor the lengths of their paths.
 * @throws {SlipwayError} "archive-invalid" or "archive-too-large", with a message for the author of the archive; the archive
 * stream's own error; the signal's reason.
 */
export async function scanSource(archive: ByteStream, options: ScanOptions): Promise<SourceFacts> {
  const { limits, capture, folder, signal } = options;
  // By the path's `keyOf`: paths and link targets may be long.
  const lines = new Map<string, string>();
  const names = new FolderNames(folder);
  const captured = new Map<string, Buffer>();
  const oversized = new Set<string>();
  const scattered = new ScatteredFiles(options.captureAnywhere ?? new Map());
  const links = new Map<string, string>();
  let fileCount = 0;
  let sizeBytes = 0;
  let newestTime = new Date(0);
  const archiveHash = createHash("sha256");
  const unpacked = gunzip(hashed(archive, archiveHash), signal);
  for await (const entry of checkedEntries(unpacked, limits, symlinkTarget)) {
    const { path, mtime } = entry;
    if (entry.kind !== "directory") fileCount += 1;
    // A later entry replaces an earlier one at the same path, whatever its kind.
    names.add(entry);
    captured.delete(path);
    oversized.delete(path);
    if (entry.kind === "file") {
      sizeBytes += entry.sizeBytes;
      if (mtime > newestTime) newestTime = mtime;
      const maxBytes = capture.get(path);
      const isCaptured = entry.sizeBytes <= (maxBytes ?? -1);
      const { digest, copy } = await readFile(entry, isCaptured || scattered.wants(entry));
      if (isCaptured && copy !== null) captured.set(path, copy);
      else if (maxBytes !== undefined) oversized.add(path);
      scattered.add(entry, copy);
      lines.set(keyOf(path), line(entry, digest));
    } else {
      if (entry.kind !== "directory" && links.size <= maxLinks) links.set(path, targetOf(entry));
      scattered.add(entry, null);
      lines.set(keyOf(path), line(entry, "target" in entry ? keyOf(entry.target) : ""));
    }
  }
  for (const path of capture.keys())
    if (path.endsWith("/") && lines.get(keyOf(path.slice(0, -1)))?.startsWith("d") === true)
      captured.set(path, Buffer.alloc(0));
  return {
    fileCount,
    sizeBytes,
    captured,
    oversized,
    scattered: scattered.files(),
    links: links.size > maxLinks ? null : linksOf(links, lines),
    names: names.sorted(),
    digest: digestOf(lines),
    archiveDigest: archiveHash.digest("hex"),
    newestTime,
  };
}

/** The target of a hard link is relative to the source already. */
function targetOf(entry: CheckedEntry & { readonly target: string }): string {
  const { kind, path, target } = entry;
  return kind === "hardlink" || target.startsWith("/") ? target : posix.join(posix.dirname(path), target);
}

function linksOf(
  links: ReadonlyMap<string, string>,
  lines: ReadonlyMap<string, string>,
): readonly SourceLink[] {
  const leadsToFile = (target: string) => /^[fh]/.test(lines.get(keyOf(target)) ?? "");
  return [...links].map(([path, target]) => ({ path, target, leadsToFile: leadsToFile(target) }));
}

async function* hashed(bytes: ByteStream, digest: Hash): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    digest.update(chunk);
    yield chunk;
  }
}

async function readFile(
  { body, sizeBytes }: { readonly body: ByteStream; readonly sizeBytes: number },
  keepsCopy: boolean,
): Promise<{ readonly digest: string; readonly copy: Buffer | null }> {
  const chunks: Uint8Array[] = [];
  let digest: Hash | string | undefined;
  for await (const chunk of body) {
    // Most files arrive as one chunk. Hashing it at once avoids a hash state, which takes longer to create than a small file to hash.
    if (chunk.length === sizeBytes) digest = hash("sha256", chunk, "base64");
    else digest = ((digest as Hash | undefined) ?? createHash("sha256")).update(chunk);
    if (keepsCopy) chunks.push(chunk);
  }
  return { digest: finished(digest), copy: keepsCopy ? Buffer.concat(chunks) : null };
}

/** @param digest undefined for an empty file. */
function finished(digest: Hash | string | undefined): string {
  if (digest === undefined) return hash("sha256", "", "base64");
  return typeof digest === "string" ? digest : digest.digest("base64");
}

/** All properties of an unpacked entry except its times and owner. */
function line({ kind, mode }: CheckedEntry, content: string): string {
  return `${kind[0]}${kind === "file" && (mode & 0o111) !== 0 ? "x" : ""} ${content}`;
}

function digestOf(lines: ReadonlyMap<string, string>): string {
  const digest = createHash("sha256");
  for (const key of [...lines.keys()].sort()) digest.update(`${key} ${lines.get(key)}\n`);
  return digest.digest("hex");
}

/** The names in a folder, without those in the folders below it. */
class FolderNames {
  readonly #prefix: string;
  readonly #isDirectory = new Map<string, boolean>();

  constructor(folder: string) {
    this.#prefix = folder === "" ? "" : `${folder}/`;
  }

  add({ path, kind }: Pick<CheckedEntry, "path" | "kind">): void {
    const name = path.startsWith(this.#prefix) ? path.slice(this.#prefix.length) : "";
    if (name !== "" && !name.includes("/")) this.#isDirectory.set(name, kind === "directory");
  }

  sorted(): readonly string[] {
    return [...this.#isDirectory].map(([name, isDirectory]) => (isDirectory ? `${name}/` : name)).sort();
  }
}
