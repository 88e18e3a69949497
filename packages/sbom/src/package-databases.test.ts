import { maxPackages } from "@slipway/lock-files";
import { expect, test } from "vitest";
import { billOfMaterials } from "./bill.ts";
import { databaseSizeLimit, installedPackages } from "./package-databases.ts";
import { UnreadableImage } from "./unreadable-image.ts";

function installed(files: Readonly<Record<string, string>>) {
  const found = installedPackages(
    new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)])),
  );
  const text = billOfMaterials({
    version: "0.1.0",
    imageName: "apps/1",
    imageDigest: "sha256:0a",
    locked: { ...found, isComplete: false },
  });
  const { components = [] } = JSON.parse(text) as { components?: readonly { readonly purl: string }[] };
  return { files: found.files, purls: components.map(({ purl }) => purl) };
}

const debian = 'PRETTY_NAME="Debian 12"\nID=debian\nVERSION_ID="12"\n';

test("packages of dpkg that are installed are listed, as package URLs of their distribution", () => {
  const status = `Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u9
Description: GNU C Library
 Package: not a field
 Version: 1

Package: removed
Status: deinstall ok config-files
Version: 1.0

Package: zlib1g
Status: install ok installed
Version: 1:1.2.13
`;
  expect(installed({ "etc/os-release": debian, "var/lib/dpkg/status": status })).toEqual({
    files: ["var/lib/dpkg/status"],
    purls: [
      "pkg:deb/debian/libc6@2.36-9%2Bdeb12u9?arch=amd64&distro=debian-12",
      "pkg:deb/debian/zlib1g@1%3A1.2.13?distro=debian-12",
    ],
  });
});

test("an image without dpkg itself has a file for each package", () => {
  const path = "var/lib/dpkg/status.d/base";
  expect(installed({ [path]: "Package: base-files\nVersion: 12.4\nArchitecture: amd64\n" })).toEqual({
    files: [path],
    purls: ["pkg:deb/debian/base-files@12.4?arch=amd64"],
  });
  expect(databaseSizeLimit(path)).toBe(1024 ** 2);
  expect(databaseSizeLimit(`${path}.md5sums`)).toBeUndefined();
  expect(databaseSizeLimit(`${path}/below`)).toBeUndefined();
});

test("packages of apk are listed", () => {
  const list =
    "C:Q1abc=\nP:busybox\nV:1.36.1-r29\nA:x86_64\nD:so:libc\nF:bin\nR:busybox\n\nP:musl\nV:1.2.5-r0\nA:x86_64\n";
  const release = "ID=alpine\nVERSION_ID=3.20.3\n";
  expect(installed({ "usr/lib/os-release": release, "lib/apk/db/installed": list }).purls).toEqual([
    "pkg:apk/alpine/busybox@1.36.1-r29?arch=x86_64&distro=alpine-3.20.3",
    "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.3",
  ]);
});

test("a list that is no list has no packages", () => {
  expect(
    installed({ "var/lib/dpkg/status": "\0binary", "lib/apk/db/installed": "P:only a name\n" }).purls,
  ).toEqual([]);
});

test("lists with too many entries are not read, in one file or in several", () => {
  const entries = (count: number) => Buffer.from("P:a\nV:1\n\n".repeat(count));
  const [first, second] = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];
  const half = maxPackages / 2;
  const most = new Map([
    [first, entries(half)],
    [second, entries(half)],
  ]);
  expect(installedPackages(most).packages).toHaveLength(maxPackages);
  most.set(second, entries(half + 1));
  expect(() => installedPackages(most)).toThrow(UnreadableImage);
  const empty = new Map([["var/lib/dpkg/status", Buffer.from("a\n\n".repeat(maxPackages + 1))]]);
  expect(() => installedPackages(empty)).toThrow(UnreadableImage);
});
