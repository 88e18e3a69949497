// Makes the tar of a toolchain layer from checked npm tarballs, as a stream and without using the disk.

import { createHash, hash as hashOf } from "node:crypto";
import type { Hash } from "node:crypto";
import { posix } from "node:path";
import { encodeHeader, endOfTar, joinChunks, padding } from "@slipway/archive";
import type { TarHeader } from "@slipway/archive";
import type { ByteStream } from "@slipway/core";
import { refused, unavailable } from "./failures.ts";
import type { LayerLink, LayerPart, LayerPlan } from "./layer-plans.ts";
import type { NpmRegistry } from "./npm-registry.ts";
import { packageFiles } from "./package-entries.ts";

/** File times are between these years, so none is in the future. */
const firstTime = new Date("2000-01-01T00:00:00Z").getTime();
const timeRangeSeconds = 20 * 365 * 86_400;

/**
 * The same plan gives the same bytes. All entries belong to root and have one time, which depends on the plan: a file that
 * changes from version to version does not keep both size and time. Folders come before what they contain.
 * @throws (while it is read) {SlipwayError} "toolchain-unavailable"; "build-failed" when a package does not have the hash that
 * the app names; the signal's reason when aborted.
 */
export function layerTar(npm: NpmRegistry, plan: LayerPlan, signal: AbortSignal): ByteStream {
  return joinChunks(write(npm, plan, signal));
}

async function* write(npm: NpmRegistry, plan: LayerPlan, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const writer = new LayerWriter(timeOf(plan.key), new Set(plan.links.map(({ target }) => target)));
  for (const part of plan.parts) yield* writePart(npm, part, writer, signal);
  for (const link of plan.links) {
    if (!writer.has(link.target)) throw unavailable(`The package of ${plan.key} has no file ${link.target}.`);
    yield* writer.link(link);
  }
  yield endOfTar;
}

async function* writePart(
  npm: NpmRegistry,
  part: LayerPart,
  writer: LayerWriter,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { name, version } = part.package;
  const check = part.expected && createHash(part.expected.hash.algorithm);
  const tarball = npm.tarball(name, version, signal);
  const hashed = check !== undefined && part.expected?.file === null ? through(tarball, check) : tarball;
  for await (const file of packageFiles(hashed, `${name} ${version}`, signal)) {
    const body =
      check !== undefined && part.expected?.file === file.path ? through(file.body, check) : file.body;
    const path = part.place(file.path);
    if (path === null) continue;
    yield* writer.file(path, file.isExecutable, file.sizeBytes);
    yield* body;
    yield padding(file.sizeBytes);
  }
  if (part.expected !== undefined && check?.digest("hex") !== part.expected.hash.hex)
    throw refused(
      `${name} ${version} does not have the ${part.expected.hash.algorithm} hash that ${part.expected.wantedBy} names.`,
      "Correct the hash, or leave it out: the npm registry's own checksum is compared in any case.",
    );
}

async function* through(bytes: ByteStream, hash: Hash): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    hash.update(chunk);
    yield chunk;
  }
}

/** Returns the headers of entries, and remembers their paths. */
class LayerWriter {
  readonly #time: Date;
  readonly #commands: ReadonlySet<string>;
  readonly #folders = new Set<string>();
  readonly #files = new Set<string>();

  /** @param commands paths of files that are executable, whatever their package says. */
  constructor(time: Date, commands: ReadonlySet<string>) {
    this.#time = time;
    this.#commands = commands;
  }

  has(path: string): boolean {
    return this.#files.has(path);
  }

  *file(path: string, isExecutable: boolean, sizeBytes: number): Generator<Uint8Array> {
    yield* this.#parents(path);
    this.#files.add(path);
    const mode = isExecutable || this.#commands.has(path) ? 0o755 : 0o644;
    yield this.#header({ type: "File", path, mode, sizeBytes });
  }

  *link({ kind, path, target }: LayerLink): Generator<Uint8Array> {
    yield* this.#parents(path);
    this.#files.add(path);
    if (kind === "hard")
      yield this.#header({ type: "Link", path, linkpath: target, mode: 0o755, sizeBytes: 0 });
    else {
      const linkpath = posix.relative(posix.dirname(path), target);
      yield this.#header({ type: "SymbolicLink", path, linkpath, mode: 0o777, sizeBytes: 0 });
    }
  }

  *#parents(path: string): Generator<Uint8Array> {
    for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1)) {
      const folder = path.slice(0, end);
      if (this.#folders.has(folder)) continue;
      this.#folders.add(folder);
      yield this.#header({ type: "Directory", path: folder, mode: 0o755, sizeBytes: 0 });
    }
  }

  #header(header: Omit<TarHeader, "mtime" | "ownerId">): Uint8Array {
    return encodeHeader({ ...header, mtime: this.#time, ownerId: 0 });
  }
}

function timeOf(key: string): Date {
  const seconds = Number.parseInt(hashOf("sha256", key, "hex").slice(0, 12), 16) % timeRangeSeconds;
  return new Date(firstTime + seconds * 1_000);
}
