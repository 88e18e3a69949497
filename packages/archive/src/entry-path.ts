// The rules for names within an archive: which are taken, which are refused, and where a symbolic link may point.

import { posix } from "node:path";
import { SlipwayError } from "@slipway/core";

/** Linux's bounds, less what the place the files are unpacked to may add to a path. */
const maxPathBytes = 4096 - 512;
const maxSegmentBytes = 255;
const maxDepth = 256;
/** Where the app lies when it runs. */
const homeDirectory = "/app";

/**
 * A name from an archive as clean segments: no empty one, no `.`. None at all for the archive's own `./`.
 * @throws {SlipwayError} "archive-invalid" for a name that is absolute, climbs with `..` or is longer than Linux allows.
 */
export function cleanSegments(name: string): string[] {
  if (name.includes("\0")) throw refused(name, "has a zero byte in its name");
  if (name.startsWith("/")) throw refused(name, "has an absolute name");
  if (name.split(/[/\\]/).includes("..")) throw refused(name, 'has ".." in its name');
  const segments = name.split("/").filter((segment) => segment !== "" && segment !== ".");
  if (Buffer.byteLength(name) > maxPathBytes || segments.length > maxDepth)
    throw refused(name, "has too long a name");
  if (segments.some((segment) => Buffer.byteLength(segment) > maxSegmentBytes)) {
    throw refused(name, "has too long a name");
  }
  return segments;
}

/**
 * The target of a symbolic link at `path`, which is relative to the app. A target within the app stays as it is, and so does
 * an absolute one. One that climbs out, of the app or of the root, is made absolute, as seen from where the app will lie: it
 * means the same there, and engines refuse climbing links.
 */
export function symlinkTarget(path: string, target: string): string {
  if (target === "" || target.includes("\0") || Buffer.byteLength(target) > maxPathBytes) {
    throw refused(path, "is a symbolic link without a valid target");
  }
  const [base, fromBase] = target.startsWith("/")
    ? ["/", posix.normalize(`.${target}`)]
    : [homeDirectory, posix.join(posix.dirname(path), target)];
  return fromBase === ".." || fromBase.startsWith("../") ? posix.join(base, fromBase) : target;
}

/**
 * The target of a symbolic link in a folder that is kept for later: as it is.
 * @throws {SlipwayError} "archive-invalid" where it climbs out of the folder, which engines refuse to unpack.
 */
export function innerSymlinkTarget(path: string, target: string): string {
  const taken = symlinkTarget(path, target);
  if (taken === target) return target;
  throw refused(path, `is a symbolic link to ${quoted(target)}, which leads out of the folder`);
}

/** What archivers leave at the root beside the one folder: macOS's metadata, and pax headers an old tar took for files. */
export function isArchiverLitter(rootSegment: string): boolean {
  return /^(\._.*|\.DS_Store|__MACOSX|pax_global_header|PaxHeaders?(\..*)?)$/.test(rootSegment);
}

/** @returns an "archive-invalid" error about one entry, for the person who made the archive. */
export function refused(name: string, why: string): SlipwayError {
  return new SlipwayError("archive-invalid", `The archive's entry ${quoted(name)} ${why}.`);
}

/** A name from an archive fit for a message: shortened, control characters escaped. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);
}
