// Turns the tar of a built app into the layer of its image: same source, same bytes.

import { posix } from "node:path";
import { SlipwayError, type ByteStream } from "@slipway/core";
import type { Header } from "tar-stream";
import { parseSlugIgnore, type SlugIgnore } from "./slug-ignore.ts";
import { stackUid } from "./stack-files.ts";
import { tarEntries } from "./tar-entries.ts";
import { encodeHeader, endOfTar, padding, type LayerHeader } from "./tar-header.ts";

export interface SlugOptions {
  /** Text of the app's .slugignore; null when it has none. */
  readonly ignore: string | null;
  /** Bound of the uncompressed layer. */
  readonly maxSizeBytes: number;
}

/** One time for all files: the layer depends on what they hold only. */
const mtime = new Date("2024-01-01T00:00:00Z");
/** Devices, pipes and all else have no place in an image. */
const keptTypes: ReadonlySet<string> = new Set(["file", "contiguous-file", "link", "symlink", "directory"]);
/** Their names are kept, since hard links may point at them. */
const specialFilesMax = 1000;

/**
 * @returns a function of the engine's tar of /work/build (names `build/…`) to the layer's tar (names `app/…`): owned by the
 * stack's user, without setuid, setgid and sticky bits, extended attributes, devices, `.git` and what .slugignore names.
 * Streams: memory does not grow with the app. The tar returned is read once, and fails with "image-too-large" as soon as
 * the bound is passed, "build-failed" for a link that cannot be kept, or the source's own error.
 */
export function slugTransform(options: SlugOptions): (tar: ByteStream) => ByteStream {
  const ignore = parseSlugIgnore(options.ignore ?? "");
  return (tar) => transform(tar, ignore, options.maxSizeBytes);
}

async function* transform(
  tar: ByteStream,
  ignore: SlugIgnore,
  maxSizeBytes: number,
): AsyncGenerator<Uint8Array> {
  const specialFiles = new Set<string>();
  let sizeBytes = 0;
  for await (const entry of tarEntries(tar)) {
    const header = layerHeader(entry.header, ignore, specialFiles);
    if (header === null) continue;
    const encoded = encodeHeader(header);
    const padded = padding(header.sizeBytes);
    sizeBytes += encoded.length + header.sizeBytes + padded.length;
    if (sizeBytes > maxSizeBytes) throw tooLarge(maxSizeBytes);
    yield encoded;
    if (header.sizeBytes > 0) yield* entry.content();
    if (padded.length > 0) yield padded;
  }
  yield endOfTar;
}

/**
 * @param specialFiles those that stayed out so far; it is added to.
 * @returns null for what stays out.
 */
function layerHeader(header: Header, ignore: SlugIgnore, specialFiles: Set<string>): LayerHeader | null {
  const path = pathInApp(header.name);
  if (isLeftOut(path, ignore)) return null;
  if (!keptTypes.has(header.type)) {
    specialFiles.add(path);
    if (specialFiles.size <= specialFilesMax) return null;
    throw new SlipwayError("build-failed", `The built app holds more than ${specialFilesMax} pipes.`);
  }
  const isOut = (target: string) => isLeftOut(target, ignore) || specialFiles.has(target);
  const name = path === "" ? "app" : `app/${path}`;
  const facts = {
    mode: header.mode & 0o777,
    uid: stackUid,
    gid: stackUid,
    mtime,
    sizeBytes: 0,
    linkname: "",
  };
  switch (header.type) {
    case "directory":
      return { ...facts, name: `${name}/`, type: "directory" };
    case "symlink":
      return { ...facts, name, type: "symlink", linkname: symbolicTarget(header.linkname) };
    case "link":
      return { ...facts, name, type: "link", linkname: hardTarget(path, header.linkname, isOut) };
    default:
      return { ...facts, name, type: "file", sizeBytes: header.size };
  }
}

function pathInApp(name: string): string {
  const [root, ...rest] = name.replace(/\/$/, "").split("/");
  if (root !== "build" || rest.some((part) => part === "" || part === "." || part === "..")) {
    throw new SlipwayError("internal", `The tar of the built app holds the unexpected name ${name}`);
  }
  return rest.join("/");
}

function isLeftOut(path: string, ignore: SlugIgnore): boolean {
  return path !== "" && (path === ".git" || path.startsWith(".git/") || ignore.ignores(path));
}

/** What the build knew as /build is /app when the release runs. */
function symbolicTarget(target: string): string {
  return target.replace(/^(?:\/work)?\/build(?=\/|$)/, "/app");
}

/** A hard link has no bytes of its own in a tar, so what it points at must be there. */
function hardTarget(path: string, linkname: string, isOut: (path: string) => boolean): string {
  const target = pathInApp(posix.normalize(linkname));
  if (!isOut(target)) return `app/${target}`;
  throw new SlipwayError(
    "build-failed",
    `${path} is a hard link to ${target}, which stays out of the image: make it a copy.`,
  );
}

function tooLarge(maxSizeBytes: number): SlipwayError {
  const limit = `${Math.floor(maxSizeBytes / 2 ** 20)} MiB`;
  return new SlipwayError(
    "image-too-large",
    `The built app is larger than ${limit}, the limit of an image. A .slugignore can leave files out.`,
  );
}
