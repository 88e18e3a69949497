// The rules for names in an archive: which are valid, and where symbolic links may point.

import { posix } from "node:path";
import { SlipwayError } from "@slipway/core";

/** Linux's limits, minus the length that the target folder may add to a path. */
const maxPathBytes = 4096 - 512;
const maxSegmentBytes = 255;
/** Deeper folders would cost engines too much time. */
const maxDepth = 100;
/** Maximum number of UTF-8 bytes per UTF-16 code unit. */
const maxBytesPerUnit = 3;
/** The app's directory at run time. */
const homeDirectory = "/app";

/**
 * Splits a name from an archive into segments, without empty ones and `.`. The result for `./` is empty.
 * @throws {SlipwayError} "archive-invalid" for a name that is absolute, contains `..` or is longer than Linux allows.
 */
export function cleanSegments(name: string): string[] {
  if (name.includes("\0")) throw invalidEntry(name, "has a NUL character in its name");
  if (name.startsWith("/")) throw invalidEntry(name, "has an absolute name");
  if (name.includes("..") && name.split(/[/\\]/).includes(".."))
    throw invalidEntry(name, 'has ".." in its name');
  const segments = name.split("/").filter((segment) => segment !== "" && segment !== ".");
  if (Buffer.byteLength(name) > maxPathBytes || segments.length > maxDepth)
    throw invalidEntry(name, "has a name that is too long");
  if (name.length * maxBytesPerUnit > maxSegmentBytes && segments.some(isTooLong)) {
    throw invalidEntry(name, "has a name that is too long");
  }
  return segments;
}

function isTooLong(segment: string): boolean {
  return Buffer.byteLength(segment) > maxSegmentBytes;
}

/**
 * Returns the target of a symbolic link at `path`, which is relative to the app. Targets inside the app and absolute targets
 * are unchanged. A target that leaves the app or the root with `..` becomes absolute, as resolved from /app: it has the same
 * meaning there, and engines reject links that leave their folder.
 */
export function symlinkTarget(path: string, target: string): string {
  if (target === "" || target.includes("\0") || Buffer.byteLength(target) > maxPathBytes) {
    throw invalidEntry(path, "is a symbolic link without a valid target");
  }
  const [base, fromBase] = target.startsWith("/")
    ? ["/", posix.normalize(`.${target}`)]
    : [homeDirectory, posix.join(posix.dirname(path), target)];
  return fromBase === ".." || fromBase.startsWith("../") ? posix.join(base, fromBase) : target;
}

/**
 * Returns the unchanged target of a symbolic link in a build cache.
 * @throws {SlipwayError} "archive-invalid" when it leaves the folder with `..`, which engines refuse to unpack.
 */
export function innerSymlinkTarget(path: string, target: string): string {
  if (symlinkTarget(path, target) === target) return target;
  throw invalidEntry(path, `is a symbolic link to ${quoted(target)}, which leads out of the folder`);
}

/** Entries that archivers add beside the root folder: metadata of macOS, and pax headers that an old tar extracted as files. */
export function isArchiverLitter(rootSegment: string): boolean {
  return /^(\._.*|\.DS_Store|__MACOSX|pax_global_header|PaxHeaders?(\..*)?)$/.test(rootSegment);
}

/** @returns an "archive-invalid" error about one entry, for the author of the archive. @param predicate follows its name. */
export function invalidEntry(name: string, predicate: string): SlipwayError {
  return new SlipwayError("archive-invalid", `The archive's entry ${quoted(name)} ${predicate}.`);
}

/** Formats a name from an archive for a message: shortened, with control characters escaped. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);
}
