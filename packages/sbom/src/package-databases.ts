// Reads the lists of installed packages that dpkg and apk keep in an image.

import { posix } from "node:path";
import { maxPackages } from "@slipway/lock-files";
import type { LockedPackage } from "@slipway/lock-files";
import { UnreadableImage } from "./unreadable-image.ts";

/** Content of a file of the image by its path, without a leading slash. */
export type ImageFiles = ReadonlyMap<string, Buffer>;

const dpkgStatus = "var/lib/dpkg/status";
/** The package folder of images without dpkg itself: one file per package. */
const dpkgFolder = "var/lib/dpkg/status.d";
const apkLists = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];
const osReleases = ["usr/lib/os-release", "etc/os-release"];

/** The fields that are read, in paragraphs. */
const fieldPatterns: Readonly<Record<string, RegExp>> = Object.fromEntries(
  ["Package", "Version", "Status", "Architecture", "P", "V", "A"].map((name) => [
    name,
    new RegExp(`^${name}:(.*)$`, "m"),
  ]),
);
const mebibyte = 1024 ** 2;

/** @returns the maximum size in bytes of a file from which packages are read; undefined for any other file. */
export function databaseSizeLimit(path: string): number | undefined {
  if (osReleases.includes(path)) return 64 * 1024;
  if (path === dpkgStatus || apkLists.includes(path)) return 16 * mebibyte;
  const isOfPackage = posix.dirname(path) === dpkgFolder && !path.endsWith(".md5sums");
  return isOfPackage ? mebibyte : undefined;
}

/**
 * @returns the packages of the distribution, and the files that list them.
 * @throws {UnreadableImage} when they list more than `maxPackages`, including removed packages.
 */
export function installedPackages(files: ImageFiles): {
  readonly files: readonly string[];
  readonly packages: readonly LockedPackage[];
} {
  const system = distributionOf(files);
  const dpkg = [...files.keys()].filter((path) => path === dpkgStatus || posix.dirname(path) === dpkgFolder);
  const apk = apkLists.filter((path) => files.has(path));
  let left = maxPackages;
  const entriesOf = (path: string) => {
    const entries = paragraphs(files.get(path)?.toString("utf8") ?? "", left);
    left -= entries.length;
    return entries;
  };
  return {
    files: [...dpkg, ...apk].toSorted(),
    packages: [
      ...dpkg.flatMap((path) => entriesOf(path).flatMap((entry) => debOf(entry, system))),
      ...apk.flatMap((path) => entriesOf(path).flatMap((entry) => apkOf(entry, system))),
    ],
  };
}

/** @returns the value of a field; undefined when the paragraph does not have it. */
type Fields = (name: string) => string | undefined;

interface Distribution {
  readonly id: string;
  readonly version: string;
}

/**
 * Paragraphs of lines `Name: value`, or `N:value`; continuation lines are indented and are omitted. Only the requested fields are
 * searched, because a hostile list may have millions of others. @throws {UnreadableImage} when there are more than `limit`.
 */
function paragraphs(text: string, limit: number): readonly Fields[] {
  const found = text.trim().split(/\r?\n\r?\n+/, limit + 1);
  if (found.length > limit)
    throw new UnreadableImage(`its lists of installed packages have more than ${maxPackages} entries`);
  return found.map((paragraph) => (name) => fieldPatterns[name]?.exec(paragraph)?.[1]?.trim());
}

function distributionOf(files: ImageFiles): Distribution {
  const text = osReleases.map((path) => files.get(path)?.toString("utf8") ?? "").join("\n");
  const value = (name: string) => new RegExp(`^${name}=["']?([\\w.-]+)["']?\\s*$`, "m").exec(text)?.[1] ?? "";
  return { id: value("ID"), version: value("VERSION_ID") };
}

function debOf(fields: Fields, system: Distribution): readonly LockedPackage[] {
  const [name, version] = [fields("Package"), fields("Version")];
  // dpkg also lists removed packages. Files of single packages have no status.
  const isInstalled = /^(?:$|\w+ \w+ installed$)/.test(fields("Status") ?? "");
  if (name === undefined || version === undefined || !isInstalled) return [];
  return [
    ofSystem(
      "deb",
      { name, version, architecture: fields("Architecture") },
      { ...system, id: system.id || "debian" },
    ),
  ];
}

function apkOf(fields: Fields, system: Distribution): readonly LockedPackage[] {
  const [name, version] = [fields("P"), fields("V")];
  if (name === undefined || version === undefined) return [];
  return [
    ofSystem("apk", { name, version, architecture: fields("A") }, { ...system, id: system.id || "alpine" }),
  ];
}

function ofSystem(
  type: "deb" | "apk",
  {
    name,
    version,
    architecture,
  }: { readonly name: string; readonly version: string; readonly architecture: string | undefined },
  { id, version: release }: Distribution,
): LockedPackage {
  return {
    type,
    namespace: id,
    name,
    version,
    qualifiers: {
      ...(architecture === undefined ? {} : { arch: architecture }),
      ...(release === "" ? {} : { distro: `${id}-${release}` }),
    },
    scope: "required",
    sha512: null,
  };
}
