// Packages of a distribution, from a test's own list and tar. test/e2e/php-apps.test.ts uses Debian's.

import { gunzipSync } from "node:zlib";
import { text } from "node:stream/consumers";
import { beforeEach, expect, test } from "vitest";
import { type ByteStream, SlipwayError } from "@slipway/core";
import { drain, packTarGz, refusal } from "@slipway/testkit";
import type { TarContent } from "@slipway/testkit";
import { readEntries } from "@slipway/tar";
import { memoryBlobs } from "../test-support/sources.ts";
import { type Distribution, openDistribution, type PackageContainers } from "./distribution.ts";
import { phpPackages, phpToolchains, phpVersions } from "./php-layers.ts";
import { rubyPackages, rubyToolchains, rubyVersions } from "./ruby-layers.ts";
import { layerTar } from "./toolchain-layer.ts";

const { signal } = new AbortController();
const sum = (digit: string) => digit.repeat(64);
const lines = `run libicu72 1%3a72.1-3 ${sum("1")} https://deb.example/libicu72.deb
run php8.2-cli 8.2.36-1~deb12u1 ${sum("2")} https://deb.example/php8.2-cli.deb
build composer 2:2.5.5-1+deb12u5 ${sum("3")} https://deb.example/composer.deb
`;
const hours = 3_600_000;
const names = { run: ["php-cli"], build: ["composer"] };

let time: Date;
let listed: number;
let answer: () => Promise<string>;
let files: Record<string, TarContent>;
const errors: unknown[] = [];
const blobs = memoryBlobs();

const containers: PackageContainers = {
  list: () => {
    listed += 1;
    return answer();
  },
  async *unpack() {
    yield gunzipSync(await packTarGz(files));
  },
};

function open(kept = blobs): Distribution {
  return openDistribution({
    blobs: kept,
    now: () => time,
    onError: (error) => errors.push(error),
    layout: "1",
  });
}

const unreachable = () =>
  Promise.reject(new SlipwayError("toolchain-unavailable", "the mirror does not respond"));

async function* streamOf(failure: Promise<never>): ByteStream {
  yield await failure;
}

beforeEach(() => {
  time = new Date("2026-11-01T12:00:00Z");
  listed = 0;
  answer = async () => lines;
  errors.length = 0;
  files = { "root/usr/bin/php8.2": { content: "php", mode: 0o755 } };
});

test("the packages are listed once a day for a stack, also by another process", async () => {
  const kept = memoryBlobs();
  const distribution = open(kept);
  const first = await distribution.packages("stack", names, containers, signal);
  expect(first.run.map(({ name, version }) => `${name} ${version}`)).toEqual([
    "libicu72 1:72.1-3",
    "php8.2-cli 8.2.36-1~deb12u1",
  ]);
  expect(phpVersions(first)).toEqual({ php: "8.2.36", composer: "2.5.5" });
  time = new Date(time.getTime() + 23 * hours);
  expect(await open(kept).packages("stack", names, containers, signal)).toEqual(first);
  expect(listed).toBe(1);
  await distribution.packages("another stack", names, containers, signal);
  time = new Date(time.getTime() + 2 * hours);
  await distribution.packages("stack", names, containers, signal);
  expect(listed).toBe(3);
});

test("while a list cannot be made, the one of before is used, and the failure is reported", async () => {
  const distribution = open(memoryBlobs());
  const first = await distribution.packages("stack", names, containers, signal);
  answer = unreachable;
  time = new Date(time.getTime() + 25 * hours);
  expect(await distribution.packages("stack", names, containers, signal)).toEqual(first);
  await distribution.packages("stack", names, containers, signal);
  expect(listed).toBe(2);
  expect(errors).toHaveLength(1);
  expect(await refusal(open(memoryBlobs()).packages("stack", names, containers, signal))).toBe(
    "toolchain-unavailable: the mirror does not respond",
  );
});

test("a newer list that another process has made replaces an expired one", async () => {
  const kept = memoryBlobs();
  const mine = open(kept);
  await mine.packages("stack", names, containers, signal);
  time = new Date(time.getTime() + 25 * hours);
  answer = async () => lines.replaceAll("8.2.36", "8.2.37");
  const newer = await open(kept).packages("stack", names, containers, signal);
  expect(await mine.packages("stack", names, containers, signal)).toEqual(newer);
  expect(listed).toBe(2);
});

test("an aborted layer outdates no list, and no layer outdates the list of another process", async () => {
  const kept = memoryBlobs();
  const distribution = open(kept);
  const { run } = await distribution.packages("stack", names, containers, signal);
  const unpack = async (aborted: AbortSignal) => {
    const failing = { ...containers, unpack: () => streamOf(unreachable()) };
    const plan = distribution.layer(run, { language: null, containers: failing });
    await refusal(drain(layerTar(plan, aborted)));
  };
  await unpack(AbortSignal.abort());
  await distribution.packages("stack", names, containers, signal);
  expect(listed).toBe(1);
  time = new Date(time.getTime() + 25 * hours);
  answer = async () => lines.replaceAll("8.2.36", "8.2.37");
  await open(kept).packages("stack", names, containers, signal);
  await unpack(signal);
  await distribution.packages("stack", names, containers, signal);
  expect(listed).toBe(2);
});

test("a list with another line is refused", async () => {
  answer = async () => "run php8.2-cli 8.2 none http://x\n";
  expect(await refusal(open(memoryBlobs()).packages("stack", names, containers, signal))).toMatch(
    /^toolchain-unavailable: .*a line that names none: run php8\.2-cli/,
  );
});

test("concurrent apps share one list", async () => {
  const distribution = open(memoryBlobs());
  await Promise.all([1, 2, 3].map(() => distribution.packages("stack", names, containers, signal)));
  expect(listed).toBe(1);
});

test("a layer has the packages' files and links, of root and without special bits", async () => {
  files = {
    ...files,
    "root/usr/bin/tool": { content: "x", mode: 0o4755, uid: 2000 },
    "root/etc/php/8.2/php.ini": "ini",
    "root/usr/bin/php": { kind: "symlink", target: "php8.2" },
    "root/etc/php/8.2/conf.d/10-pdo.ini": { kind: "symlink", target: "/etc/php/8.2/mods-available/pdo.ini" },
  };
  const distribution = open(memoryBlobs());
  const { run } = await distribution.packages("stack", names, containers, signal);
  const plan = distribution.layer(run, { language: "php", containers });
  const entries: unknown[] = [];
  for await (const { kind, path, mode, uid, target, body } of readEntries(layerTar(plan, signal), {})) {
    if (kind !== "directory") entries.push([path, mode, uid, target || (await text(body))]);
  }
  expect(entries).toEqual([
    ["usr/bin/php8.2", 0o755, 0, "php"],
    ["usr/bin/tool", 0o755, 0, "x"],
    ["etc/php/8.2/php.ini", 0o644, 0, "ini"],
    ["usr/bin/php", 0o777, 0, "php8.2"],
    ["etc/php/8.2/conf.d/10-pdo.ini", 0o777, 0, "/etc/php/8.2/mods-available/pdo.ini"],
  ]);
});

test("the key of a layer depends on the packages, their configuration and how they are unpacked", async () => {
  const distribution = open(memoryBlobs());
  const { run } = await distribution.packages("stack", names, containers, signal);
  const keys = [
    distribution.layer(run, { language: "php", containers }).key,
    distribution.layer(run, { language: null, containers }).key,
    distribution.layer(run.slice(1), { language: "php", containers }).key,
    openDistribution({ blobs, now: () => time, onError: () => {}, layout: "2" }).layer(run, {
      language: "php",
      containers,
    }).key,
  ];
  expect(new Set(keys).size).toBe(4);
});

test("packages that cannot be downloaded are listed anew by the next attempt, since they may have a successor", async () => {
  const distribution = open(memoryBlobs());
  const { run } = await distribution.packages("stack", names, containers, signal);
  const failing: PackageContainers = {
    ...containers,
    async *unpack() {
      await unreachable();
      yield Buffer.alloc(0);
    },
  };
  const plan = distribution.layer(run, { language: "php", containers: failing });
  expect(await refusal(Array.fromAsync(layerTar(plan, signal)))).toBe(
    "toolchain-unavailable: the mirror does not respond",
  );
  await distribution.packages("stack", names, containers, signal);
  expect(listed).toBe(2);
});

test("the version of Ruby is the real one", () => {
  const one = (name: string, version: string) => ({
    name,
    version,
    sha256: sum("1"),
    url: "https://deb.example/x",
  });
  const run = [one("ruby3.1", "3.1.7+really3.1.2-0+deb12u1"), one("ruby-bundler", "2.3.15-2+deb12u1")];
  expect(rubyVersions({ run, build: [] })).toEqual({ ruby: "3.1.2", bundler: "2.3.15" });
  expect(() => rubyVersions({ run: [], build: [] })).toThrow("has none whose name matches");
});

test("releases have Ruby, and builds its headers as well", () => {
  const parts = { distribution: open(memoryBlobs()), containers };
  const { build, run } = rubyToolchains(parts, { run: [], build: [] });
  expect([build.layers.length, run.layers.length]).toEqual([2, 1]);
  expect(build.layers[0]?.key).toBe(run.layers[0]?.key);
  expect(rubyPackages.build).toContain("ruby-dev");
});

test("releases have PHP and its server, and builds have Composer", () => {
  const distribution = open(memoryBlobs());
  const server = new Map([
    ["nginx.conf", Buffer.from("x")],
    ["serve-php", Buffer.from("x")],
  ]);
  const sets = { run: [], build: [] };
  const { build, run } = phpToolchains({ distribution, containers }, sets, server);
  expect(build.layers[0]?.key).toBe(run.layers[0]?.key);
  expect([build.layers.length, run.layers.length]).toEqual([2, 2]);
  expect(run.layers[1]?.parts[0]?.place("serve-php")).toBe("opt/slipway/php/bin/serve-php");
  expect(run.path).toEqual(["/app/vendor/bin", "/opt/slipway/php/bin"]);
  expect(phpPackages.run).toContain("php-fpm");
});
