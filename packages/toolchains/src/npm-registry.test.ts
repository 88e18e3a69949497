// The npm registry client with a test server.

import { afterEach, beforeEach, expect, test } from "vitest";
import { packTarGz, startNpmRegistry } from "@slipway/testkit";
import type { TestNpmRegistry } from "@slipway/testkit";
import type { NpmRegistry } from "./npm-registry.ts";
import { memoryBlobs, openTestNpm, versions } from "../test-support/sources.ts";

const { signal } = new AbortController();
const clock = { time: new Date() };
let tarball: Buffer;
let server: TestNpmRegistry;
let npm: NpmRegistry;

beforeEach(async () => {
  clock.time = new Date("2026-11-01T12:00:00Z");
  tarball = await packTarGz({ "package/data.json": "{}", "package/large": Buffer.alloc(3_000_000, "x1") });
  server = await startNpmRegistry({ tool: versions(["1.0.0", "1.1.0"], { tarball, node: ">=20" }) });
  npm = openTestNpm(server.url, clock);
});
afterEach(() => server[Symbol.asyncDispose]());

test("concurrent callers share one request, and the answer is kept for 10 minutes", async () => {
  const both = await Promise.all([npm.packument("tool", signal), npm.packument("tool", signal)]);
  clock.time = new Date(clock.time.getTime() + 9 * 60_000);
  await npm.packument("tool", signal);
  expect([...(both[1]?.versions.keys() ?? [])]).toEqual(["1.0.0", "1.1.0"]);
  expect(both[0]?.versions.get("1.0.0")?.node).toBe(">=20");
  expect(server.responses).toEqual(["/tool 200"]);
});

test("after 10 minutes the ETag decides whether the answer is sent again", async () => {
  await npm.packument("tool", signal);
  clock.time = new Date(clock.time.getTime() + 11 * 60_000);
  await npm.packument("tool", signal);
  server.packages["tool"] = versions(["1.2.0"], { tarball });
  clock.time = new Date(clock.time.getTime() + 11 * 60_000);
  const changed = await npm.packument("tool", signal);
  expect([...changed.versions.keys()]).toEqual(["1.2.0"]);
  expect(server.responses).toEqual(["/tool 200", "/tool 304", "/tool 200"]);
});

test("the request asks for the abbreviated form", async () => {
  const accepted: unknown[] = [];
  server.intercept = (request) => {
    accepted.push(request.headers.accept);
    return false;
  };
  await npm.packument("tool", signal);
  expect(accepted).toEqual(["application/vnd.npm.install-v1+json"]);
});

test("an answer of another process is revalidated, and used with a warning when the registry fails", async () => {
  const blobs = memoryBlobs();
  await openTestNpm(server.url, clock, blobs).packument("tool", signal);
  const revalidated = await openTestNpm(server.url, clock, blobs).packument("tool", signal);
  expect(revalidated.warning).toBeUndefined();
  expect(server.responses).toEqual(["/tool 200", "/tool 304"]);
  server.intercept = (_, response) => response.writeHead(503).end() !== undefined;
  const third = openTestNpm(server.url, clock, blobs);
  const kept = await third.packument("tool", signal);
  expect(kept.versions).toEqual(revalidated.versions);
  expect(kept.warning).toContain("answer about tool of 2026-11-01T12:00:00.000Z is used");
  expect(kept.warning).toContain("status 503");
  const requests = server.responses.length;
  await third.packument("tool", signal);
  expect(server.responses).toHaveLength(requests);
  server.intercept = undefined;
  clock.time = new Date(clock.time.getTime() + 2 * 60_000);
  expect((await third.packument("tool", signal)).warning).toBeUndefined();
});

test("a request that fails with 503 is repeated", async () => {
  let failures = 0;
  server.intercept = (_, response) => {
    failures += 1;
    return failures < 3 && response.writeHead(503).end() !== undefined;
  };
  await npm.packument("tool", signal);
  expect(server.responses).toEqual(["/tool 503", "/tool 503", "/tool 200"]);
});

test("a missing package and an invalid response are toolchain-unavailable, and not requested again", async () => {
  await expect(npm.packument("none", signal)).rejects.toMatchObject({
    code: "toolchain-unavailable",
    message: expect.stringMatching(/^The npm registry 127\.0\.0\.1:\d+ .*GET \/none: status 404$/),
  });
  server.intercept = (_, response) => response.end("<html>") !== undefined;
  await expect(npm.packument("tool", signal)).rejects.toMatchObject({
    code: "toolchain-unavailable",
    message: expect.stringContaining("about the package tool is not a list of versions"),
  });
  expect(server.responses).toEqual(["/none 404", "/tool 200"]);
});

test("an unreachable registry without an earlier answer is toolchain-unavailable", async () => {
  await server[Symbol.asyncDispose]();
  await expect(npm.packument("tool", signal)).rejects.toMatchObject({
    code: "toolchain-unavailable",
    message: expect.stringContaining("ECONNREFUSED"),
  });
});

test("a caller that aborts does not end the request of another one", async () => {
  const arrived = Promise.withResolvers<() => void>();
  server.intercept = (request, response) => {
    server.intercept = undefined;
    arrived.resolve(() => response.end(JSON.stringify({ versions: { "3.0.0": { dist: {} } } })));
    return request.url === "/tool";
  };
  const stop = new AbortController();
  const first = npm.packument("tool", stop.signal);
  const second = npm.packument("tool", signal);
  const respond = await arrived.promise;
  stop.abort(new Error("aborted by the user"));
  await expect(first).rejects.toThrow("aborted by the user");
  respond();
  expect([...(await second).versions.keys()]).toEqual(["3.0.0"]);
});

test("the last caller that aborts ends the request", async () => {
  const arrived = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  server.intercept = (request) => {
    request.socket.once("close", () => closed.resolve());
    arrived.resolve();
    return true;
  };
  const stop = new AbortController();
  const answer = npm.packument("tool", stop.signal);
  await arrived.promise;
  stop.abort(new Error("aborted by the user"));
  await expect(answer).rejects.toThrow("aborted by the user");
  await closed.promise;
  server.intercept = undefined;
  expect((await npm.packument("tool", signal)).versions.size).toBe(2);
});

test("a tarball is the registry's bytes", async () => {
  expect((await read("1.0.0")).equals(tarball)).toBe(true);
});

test("a tarball with other bytes fails at its end", async () => {
  server.packages["tool"] = versions(["1.0.0"], { tarball, sha512: Buffer.alloc(64).toString("base64") });
  let sizeBytes = 0;
  const reading = (async () => {
    for await (const chunk of npm.tarball("tool", "1.0.0", signal)) sizeBytes += chunk.length;
  })();
  await expect(reading).rejects.toMatchObject({
    code: "toolchain-unavailable",
    message: "The tarball of tool 1.0.0 does not match the npm registry's checksum (sha512).",
  });
  expect(sizeBytes).toBe(tarball.length);
});

test("a version without a tarball or a sha512 is toolchain-unavailable", async () => {
  server.packages["tool"] = versions(["1.0.0"], { tarball, sha512: "" });
  const failure = {
    code: "toolchain-unavailable",
    message: expect.stringContaining("no tarball with a sha512"),
  };
  await expect(read("1.0.0")).rejects.toMatchObject(failure);
  await expect(read("9.0.0")).rejects.toMatchObject(failure);
});

test.each([true, false])("a broken download continues where it ended, with ranges: %s", async (ranges) => {
  const half = Math.floor(tarball.length / 2);
  let attempts = 0;
  server.intercept = (request, response) => {
    if (!request.url?.endsWith(".tgz")) return false;
    attempts += 1;
    if (attempts > 1) {
      if (!ranges) response.end(tarball);
      return !ranges;
    }
    response.writeHead(200, { "content-length": tarball.length });
    response.write(tarball.subarray(0, half), () => response.destroy());
    return true;
  };
  expect((await read("1.0.0")).equals(tarball)).toBe(true);
  expect(attempts).toBe(2);
});

test("a file of a package is downloaded once", async () => {
  const files = [
    npm.file("tool", "1.0.0", "data.json", signal),
    npm.file("tool", "1.0.0", "data.json", signal),
  ];
  expect(await Promise.all(files)).toEqual(["{}", "{}"]);
  expect(await npm.file("tool", "1.0.0", "data.json", signal)).toBe("{}");
  expect(server.responses).toEqual(["/tool 200", "/tool/-/1.0.0.tgz 200"]);
  for (const path of ["none.json", "large"])
    await expect(npm.file("tool", "1.0.0", path, signal)).rejects.toMatchObject({
      code: "toolchain-unavailable",
    });
});

test("bytes after the gzip data do not hide a wrong checksum", async () => {
  const longer = Buffer.concat([tarball, Buffer.alloc(1_000_000, "x")]);
  server.packages["tool"] = versions(["1.0.0"], {
    tarball: longer,
    sha512: Buffer.alloc(64).toString("base64"),
  });
  await expect(npm.file("tool", "1.0.0", "data.json", signal)).rejects.toMatchObject({
    code: "toolchain-unavailable",
  });
});

test("credentials of the URL are sent, and in no error", async () => {
  const received: unknown[] = [];
  server.intercept = (request, response) => {
    received.push(request.headers.authorization);
    return response.writeHead(403).end() !== undefined;
  };
  const guarded = openTestNpm(server.url.replace("//", "//robot:secret@"), clock);
  const failure: unknown = await guarded.packument("tool", signal).catch((error: unknown) => error);
  expect(received).toEqual([`Basic ${Buffer.from("robot:secret").toString("base64")}`]);
  expect(String(failure)).toContain("status 403");
  expect(String(failure)).not.toContain("secret");
});

async function read(version: string): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(npm.tarball("tool", version, signal)));
}
