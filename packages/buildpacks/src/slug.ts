// Converts the tar of a built app into a reproducible image layer: the same files give the same bytes.

import { posix } from "node:path";
import { type ByteStream, SlipwayError, mebibytesText } from "@slipway/core";
import { type NewEntry, readEntries, TarError, type TarEntry, writeEntries } from "@slipway/tar";
import { parseSlugIgnore, type SlugIgnore } from "./slug-ignore.ts";
import { stackUid } from "./stack-files.ts";

export interface SlugOptions {
  /** Name of the folder at the root of the given tar. */
  readonly from: string;
  /** Folder of the app in which the content is placed, with a trailing slash; "" for the app's root. */
  readonly folder: string;
  /** Text of the app's .slugignore; null when it has none. */
  readonly ignore: string | null;
  /** Maximum size of the uncompressed layer. */
  readonly maxSizeBytes: number;
  /** Modification time of all files, so that the layer does not depend on when they were written. */
  readonly mtime: Date;
}
/** The names of special files are kept in memory, because hard links may refer to them. */
const maxSpecialFiles = 1000;

/**
 * @returns a function that converts a tar of a built folder (names `FROM/…`) into the layer's tar (names `app/FOLDER…`). The
 * layer's files belong to the stack's user. It omits setuid, setgid and sticky bits, extended attributes, devices, `.git` and
 * the paths of .slugignore. It is a stream: memory does not grow with the app. It can be read once, and fails with
 * "image-too-large" as soon as it exceeds the limit, "build-failed" for a hard link to an omitted file, or the source's error.
 */
export function slugTransform(options: SlugOptions): (tar: ByteStream) => ByteStream {
  const ignore = parseSlugIgnore(options.ignore ?? "");
  return (tar) => transform(tar, ignore, options);
}

async function* transform(
  tar: ByteStream,
  ignore: SlugIgnore,
  options: SlugOptions,
): AsyncGenerator<Uint8Array> {
  try {
    yield* writeEntries(layerEntries(tar, ignore, options), { maxSizeBytes: options.maxSizeBytes });
  } catch (error) {
    throw error instanceof TarError && error.problem === "too-large" ? tooLarge(options.maxSizeBytes) : error;
  }
}

async function* layerEntries(
  tar: ByteStream,
  ignore: SlugIgnore,
  options: SlugOptions,
): AsyncGenerator<NewEntry> {
  const specialFiles = new Set<string>();
  // The engine's stream has its own limits, and omitted files do not count.
  for await (const entry of readEntries(tar, {})) {
    const path = pathInApp(entry.path, options);
    if (isOmitted(path, ignore)) continue;
    if (entry.kind === "other") {
      specialFiles.add(path);
      if (specialFiles.size > maxSpecialFiles) throw tooManySpecialFiles();
      continue;
    }
    const isMissing = (target: string) => isOmitted(target, ignore) || specialFiles.has(target);
    yield layerEntry(entry, path, options, isMissing);
  }
}

/** @param isMissing returns whether the layer lacks a file with this path in the app. */
function layerEntry(
  entry: Exclude<TarEntry, { kind: "other" }>,
  path: string,
  options: SlugOptions,
  isMissing: (path: string) => boolean,
): NewEntry {
  const { kind, target, mode, sizeBytes, body } = entry;
  const name = path === "" ? "app" : `app/${path}`;
  const common = {
    path: name,
    mode: mode & 0o777,
    uid: stackUid,
    gid: stackUid,
    mtime: options.mtime,
    sizeBytes: 0,
  };
  switch (kind) {
    case "directory":
      return { ...common, kind };
    case "symlink":
      return { ...common, kind, target: symbolicTarget(target) };
    case "hardlink":
      return { ...common, kind, target: hardTarget(path, target, options, isMissing) };
    default:
      return { ...common, kind, sizeBytes, body };
  }
}

function pathInApp(name: string, { from, folder }: SlugOptions): string {
  const [root, ...rest] = name.replace(/\/$/, "").split("/");
  if (root !== from || rest.some((part) => part === "" || part === "." || part === "..")) {
    throw new SlipwayError("internal", `The tar of the built app contains the unexpected name ${name}`);
  }
  return `${folder}${rest.join("/")}`.replace(/\/$/, "");
}

function isOmitted(path: string, ignore: SlugIgnore): boolean {
  return path !== "" && (path === ".git" || path.startsWith(".git/") || ignore.ignores(path));
}

/** Absolute links into the build directory are changed to /app, where the release has its files. */
function symbolicTarget(target: string): string {
  return target.replace(/^(?:\/work)?\/build(?=\/|$)/, "/app");
}

/** A hard link has no content of its own in a tar, so its target must be in the layer. */
function hardTarget(
  path: string,
  linkname: string,
  options: SlugOptions,
  isMissing: (path: string) => boolean,
): string {
  const target = pathInApp(posix.normalize(linkname), options);
  if (!isMissing(target)) return `app/${target}`;
  throw new SlipwayError(
    "build-failed",
    `${path} is a hard link to ${target}, which is left out of the image. Replace the link by a copy.`,
  );
}

function tooManySpecialFiles(): SlipwayError {
  return new SlipwayError(
    "build-failed",
    `The built app contains more than ${maxSpecialFiles} pipes or devices. Remove them in the build.`,
  );
}

function tooLarge(maxSizeBytes: number): SlipwayError {
  const limit = mebibytesText(maxSizeBytes);
  return new SlipwayError(
    "image-too-large",
    `The built app is larger than ${limit}, the limit for images. Leave out files with a .slugignore.`,
  );
}
