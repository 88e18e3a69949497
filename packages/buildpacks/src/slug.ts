// Converts the tar of a built app into a reproducible image layer: the same files give the same bytes.

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
  /** Maximum size of the uncompressed layer. */
  readonly maxSizeBytes: number;
}

/** The same time for all files, so that the layer does not depend on when they were written. */
const mtime = new Date("2024-01-01T00:00:00Z");
/** Types of entries in the layer; devices, pipes and others are left out. */
const keptTypes: ReadonlySet<string> = new Set(["file", "contiguous-file", "link", "symlink", "directory"]);
/** The names of special files are held in memory, because hard links may refer to them. */
const maxSpecialFiles = 1000;

/**
 * @returns a function that converts the engine's tar of /work/build (names `build/…`) into the layer's tar (names `app/…`). The
 * layer's files belong to the stack's user. It omits setuid, setgid and sticky bits, extended attributes, devices, `.git` and
 * the paths of .slugignore. It is a stream: memory does not grow with the app. It can be read once, and fails with
 * "image-too-large" as soon as it exceeds the limit, "build-failed" for a hard link to an omitted file, or the source's error.
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
 * @param specialFiles paths of the special files omitted so far; this function adds to it.
 * @returns null for an omitted entry.
 */
function layerHeader(header: Header, ignore: SlugIgnore, specialFiles: Set<string>): LayerHeader | null {
  const path = pathInApp(header.name);
  if (isOmitted(path, ignore)) return null;
  if (!keptTypes.has(header.type)) {
    specialFiles.add(path);
    if (specialFiles.size <= maxSpecialFiles) return null;
    throw new SlipwayError(
      "build-failed",
      `The built app contains more than ${maxSpecialFiles} pipes or devices. Remove them in the build.`,
    );
  }
  const isMissing = (target: string) => isOmitted(target, ignore) || specialFiles.has(target);
  const name = path === "" ? "app" : `app/${path}`;
  const common = {
    mode: header.mode & 0o777,
    uid: stackUid,
    gid: stackUid,
    mtime,
    sizeBytes: 0,
    linkname: "",
  };
  switch (header.type) {
    case "directory":
      return { ...common, name: `${name}/`, type: "directory" };
    case "symlink":
      return { ...common, name, type: "symlink", linkname: symbolicTarget(header.linkname) };
    case "link":
      return { ...common, name, type: "link", linkname: hardTarget(path, header.linkname, isMissing) };
    default:
      return { ...common, name, type: "file", sizeBytes: header.size };
  }
}

function pathInApp(name: string): string {
  const [root, ...rest] = name.replace(/\/$/, "").split("/");
  if (root !== "build" || rest.some((part) => part === "" || part === "." || part === "..")) {
    throw new SlipwayError("internal", `The tar of the built app contains the unexpected name ${name}`);
  }
  return rest.join("/");
}

function isOmitted(path: string, ignore: SlugIgnore): boolean {
  return path !== "" && (path === ".git" || path.startsWith(".git/") || ignore.ignores(path));
}

/** Absolute links into the build directory are changed to /app, where the release has its files. */
function symbolicTarget(target: string): string {
  return target.replace(/^(?:\/work)?\/build(?=\/|$)/, "/app");
}

/** A hard link has no content of its own in a tar, so its target must be in the layer. */
function hardTarget(path: string, linkname: string, isMissing: (path: string) => boolean): string {
  const target = pathInApp(posix.normalize(linkname));
  if (!isMissing(target)) return `app/${target}`;
  throw new SlipwayError(
    "build-failed",
    `${path} is a hard link to ${target}, which is left out of the image. Replace the link by a copy.`,
  );
}

function tooLarge(maxSizeBytes: number): SlipwayError {
  const limit = `${Math.floor(maxSizeBytes / 2 ** 20)} MiB`;
  return new SlipwayError(
    "image-too-large",
    `The built app is larger than ${limit}, the limit for images. Leave out files with a .slugignore.`,
  );
}
