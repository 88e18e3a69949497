// Reads the lists of installed packages that the package managers of distributions keep in an image: dpkg's and apk's.

import type { LockedPackage } from "./package.ts";

/** Content of a file of the image by its path, without a leading slash. */
export type ImageFiles = ReadonlyMap<string, Buffer>;

const dpkgStatus = "var/lib/dpkg/status";
/** Of images without dpkg itself: a file for each package. */
const dpkgFolder = "var/lib/dpkg/status.d/";
const apkLists = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];
const osReleases = ["usr/lib/os-release", "etc/os-release"];

/** Whether an image's packages are read from this file. */
export function isPackageDatabase(path: string): boolean {
  return (
    [dpkgStatus, ...apkLists, ...osReleases].includes(path) ||
    (path.startsWith(dpkgFolder) && !path.endsWith(".md5sums"))
  );
}

/** @returns the packages of the distribution, and the files that list them. */
export function installedPackages(files: ImageFiles): {
  readonly files: readonly string[];
  readonly packages: readonly LockedPackage[];
} {
  const system = distributionOf(files);
  const dpkg = [...files.keys()].filter((path) => path === dpkgStatus || path.startsWith(dpkgFolder));
  const apk = apkLists.filter((path) => files.has(path));
  const text = (path: string) => files.get(path)?.toString("utf8") ?? "";
  return {
    files: [...dpkg, ...apk].toSorted(),
    packages: [
      ...dpkg.flatMap((path) => paragraphs(text(path)).flatMap((fields) => debOf(fields, system))),
      ...apk.flatMap((path) => paragraphs(text(path)).flatMap((fields) => apkOf(fields, system))),
    ],
  };
}

type Fields = ReadonlyMap<string, string>;

interface Distribution {
  readonly id: string;
  readonly version: string;
}

/** Paragraphs of lines `Name: value`, or `N:value`; longer values continue in indented lines, which are left out. */
function paragraphs(text: string): readonly Fields[] {
  return text.split(/\r?\n\r?\n+/).map((paragraph) => {
    const lines = paragraph.matchAll(/^([A-Za-z][A-Za-z-]*):[ \t]*(.*)$/gm);
    return new Map(Array.from(lines, ([, name = "", value = ""]) => [name, value.trim()]));
  });
}

function distributionOf(files: ImageFiles): Distribution {
  const text = osReleases.map((path) => files.get(path)?.toString("utf8") ?? "").join("\n");
  const value = (name: string) => new RegExp(`^${name}=["']?([\\w.-]+)["']?\\s*$`, "m").exec(text)?.[1] ?? "";
  return { id: value("ID"), version: value("VERSION_ID") };
}

function debOf(fields: Fields, system: Distribution): readonly LockedPackage[] {
  const [name, version] = [fields.get("Package"), fields.get("Version")];
  // dpkg also lists packages that were removed. Files of single packages have no status.
  const isInstalled = /^(?:$|\w+ \w+ installed$)/.test(fields.get("Status") ?? "");
  if (name === undefined || version === undefined || !isInstalled) return [];
  return [
    ofSystem(
      "deb",
      { name, version, architecture: fields.get("Architecture") },
      { ...system, id: system.id || "debian" },
    ),
  ];
}

function apkOf(fields: Fields, system: Distribution): readonly LockedPackage[] {
  const [name, version] = [fields.get("P"), fields.get("V")];
  if (name === undefined || version === undefined) return [];
  return [
    ofSystem(
      "apk",
      { name, version, architecture: fields.get("A") },
      { ...system, id: system.id || "alpine" },
    ),
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
