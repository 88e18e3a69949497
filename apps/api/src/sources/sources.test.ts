import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sourceBlobKey } from "@slipway/core";
import type { SourceAnswer } from "@slipway/protocol";
import { aSource, lacksRedis } from "@slipway/testkit";
import { blobSize, startTestApi } from "../../test-support/api.ts";
import type { TestApi } from "../../test-support/api.ts";
import { presentSource } from "./source-url.ts";

const mebi = 1024 * 1024;
const maxSizeBytes = 192 * mebi;

/** The bytes of all buffers in use by this process. */
const bufferBytes = (() => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  return () => {
    collect();
    return process.memoryUsage().arrayBuffers;
  };
})();

const idOf = (url: string) => new URL(url).pathname.split("/")[3] ?? "";
const put = (url: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  fetch(url, { method: "PUT", body, headers });

/** The server may close a keep-alive connection while the client reuses it. */
const newConnection = { method: "PUT", agent: false } as const;

/** Uploads the chunks without a Content-Length. Stops at an early response. */
async function stream(url: string, chunks: Iterable<Buffer>) {
  const upload = request(url, newConnection);
  const answered = once(upload, "response") as Promise<[IncomingMessage]>;
  for (const chunk of chunks) {
    if (upload.write(chunk)) continue;
    const answer = await Promise.race([once(upload, "drain").then(() => null), answered]);
    if (answer !== null) break;
  }
  upload.end();
  const [response] = await answered;
  response.resume();
  return response.statusCode;
}

describe.skipIf(await lacksRedis())("sources", () => {
  let api: TestApi;
  let token: string;

  beforeAll(async () => {
    api = await startTestApi({ SOURCE_MAX_MB: String(maxSizeBytes / mebi) });
    ({ token } = await api.newUser());
  });
  afterAll(() => api[Symbol.asyncDispose]());

  const newSource = async () => {
    const answer = await api.request(token, "POST", "/v1/sources", {});
    expect(answer.status).toBe(201);
    return (answer.body as SourceAnswer).source;
  };
  /** The files of unfinished uploads. */
  const partsOfBlobs = () => readdir(join(api.config.blobsUrl.slice("file:".length), "tmp"));

  test("sources accept an archive of any content type with the signed URL alone, and return it", async () => {
    for (const type of ["application/x-gzip", "application/octet-stream", "text/plain", "application/json"]) {
      const { upload_url, download_url } = await newSource();
      const archive = randomBytes(100_000);
      const uploaded = await put(upload_url, archive, { "content-type": type });
      expect([uploaded.status, await uploaded.json()]).toEqual([200, {}]);
      const download = await fetch(download_url);
      expect(download.headers.get("content-length")).toBe("100000");
      expect(Buffer.from(await download.arrayBuffer())).toEqual(archive);
      expect(await api.store.sources.get(idOf(upload_url))).toMatchObject({ sizeBytes: 100_000 });
    }
  });

  test("sources accept one archive only, also from concurrent uploads", async () => {
    const { upload_url, download_url } = await newSource();
    const slow = request(upload_url, newConnection);
    const slowAnswered = once(slow, "response") as Promise<[IncomingMessage]>;
    await new Promise((resolve) => slow.write("began fir", resolve));
    expect((await put(upload_url, "the archive")).status).toBe(200);
    slow.end("st");
    expect((await slowAnswered)[0].statusCode).toBe(409);
    const second = await put(upload_url, "another");
    expect([second.status, await second.json()]).toEqual([
      409,
      { error: "the source already has an archive; create a new source" },
    ]);
    expect(await (await fetch(download_url)).text()).toBe("the archive");
  });

  test("sources accept a repeated upload of the same archive, and refuse another archive of the same size", async () => {
    const { upload_url, download_url } = await newSource();
    const archive = randomBytes(300_000);
    const other = Uint8Array.from(archive, (byte, at) => (at === 299_999 ? byte ^ 1 : byte));
    for (let time = 0; time < 2; time += 1) expect((await put(upload_url, archive)).status).toBe(200);
    expect(await stream(upload_url, [archive.subarray(0, 1_000), archive.subarray(1_000)])).toBe(200);
    expect((await put(upload_url, other)).status).toBe(409);
    expect(await stream(upload_url, [archive, archive])).toBe(409);
    expect(Buffer.from(await (await fetch(download_url)).arrayBuffer())).toEqual(archive);
  });

  test("sources keep the archive of the accepted upload when several uploads end at once", async () => {
    const { upload_url, download_url } = await newSource();
    const uploads = Array.from({ length: 8 }, (_, number) => {
      const upload = request(upload_url, newConnection);
      const answered = once(upload, "response") as Promise<[IncomingMessage]>;
      const content = `archive ${number}`;
      return { upload, answered, content, begun: new Promise((done) => upload.write(content, done)) };
    });
    await Promise.all(uploads.map(({ begun }) => begun));
    for (const { upload } of uploads) upload.end();
    const answers = await Promise.all(uploads.map(async ({ answered }) => (await answered)[0]));
    const accepted = answers.findIndex(({ statusCode }) => statusCode === 200);
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(
      answers.map((_, number) => (number === accepted ? 200 : 409)),
    );
    expect(await (await fetch(download_url)).text()).toBe(uploads[accepted]?.content);
  });

  test("sources reject an empty archive, and accept a later upload", async () => {
    const { upload_url } = await newSource();
    const sized = await put(upload_url, "");
    expect([sized.status, await sized.json()]).toEqual([
      422,
      { error: "archive is empty", errors: { archive: ["is empty"] } },
    ]);
    expect(await stream(upload_url, [])).toBe(422);
    expect((await put(upload_url, "the archive")).status).toBe(200);
  });

  test("sources have no archive before the upload", async () => {
    const response = await fetch((await newSource()).download_url);
    expect([response.status, await response.json()]).toEqual([
      404,
      { resource: "source", error: "source not found" },
    ]);
  });

  test("sources reject URLs that are forged, for another method, or expired", async () => {
    const { upload_url, download_url } = await newSource();
    const forged = { error: expect.any(String), code: "forbidden" };
    const other = await newSource();
    const mixed = new URL(other.upload_url);
    mixed.search = new URL(upload_url).search;
    const later = new URL(upload_url);
    later.searchParams.set("expires", "9999999999");
    const bare = upload_url.split("?", 1)[0] ?? "";
    for (const url of [download_url, mixed.href, later.href, bare, `${upload_url}&expires=1`]) {
      const response = await put(url, "x");
      expect([response.status, await response.json()]).toEqual([403, forged]);
    }
    const past = aSource({ expiresAt: new Date(Date.now() - 1_000) });
    await api.store.sources.create(past);
    const signer = api.urlSigner;
    const expired = await put(presentSource(past, signer, api.url).upload_url, "x");
    expect([expired.status, await expired.json()]).toEqual([
      403,
      { error: "the URL has expired; create a new source", code: "expired" },
    ]);
  });

  test("sources reject an archive that is too large, with or without Content-Length, and store nothing", async () => {
    const { upload_url } = await newSource();
    const key = sourceBlobKey(idOf(upload_url));
    const withLength = await put(upload_url, Buffer.alloc(maxSizeBytes + 1));
    expect([withLength.status, await withLength.json()]).toEqual([
      413,
      { error: expect.stringContaining("larger than") },
    ]);
    const chunk = Buffer.alloc(mebi);
    const withoutLength = await stream(upload_url, Array<Buffer>(maxSizeBytes / mebi + 8).fill(chunk));
    expect(withoutLength).toBe(413);
    expect(await blobSize(api.blobs, key)).toBeNull();
  });

  test("sources store nothing of an aborted upload", async () => {
    const { upload_url, download_url } = await newSource();
    const upload = request(upload_url, { method: "PUT", headers: { "content-length": "1000000" } });
    upload.write(Buffer.alloc(500_000));
    const failed = once(upload, "error");
    await expect.poll(partsOfBlobs).not.toEqual([]);
    upload.destroy(new Error("the connection is lost"));
    await failed;
    await expect.poll(partsOfBlobs).toEqual([]);
    expect((await fetch(download_url)).status).toBe(404);
    expect((await put(upload_url, "the archive")).status).toBe(200);
  });

  test("sources never buffer a whole archive in memory", async () => {
    const { upload_url, download_url } = await newSource();
    const chunk = randomBytes(mebi);
    const hash = createHash("sha256");
    const before = bufferBytes();
    let maxBytes = 0;
    const measure = () => {
      maxBytes = Math.max(maxBytes, bufferBytes() - before);
    };
    function* archive() {
      for (let sent = 0; sent < maxSizeBytes; sent += mebi) {
        hash.update(chunk);
        if (sent % (16 * mebi) === 0) measure();
        yield chunk;
      }
    }
    expect(await stream(upload_url, archive())).toBe(200);
    const received = createHash("sha256");
    let receivedBytes = 0;
    for await (const bytes of (await fetch(download_url)).body ?? []) {
      received.update(bytes);
      if (Math.floor(receivedBytes / mebi / 16) < Math.floor((receivedBytes += bytes.length) / mebi / 16))
        measure();
    }
    expect(received.digest("hex")).toBe(hash.digest("hex"));
    expect(maxBytes).toBeLessThan(maxSizeBytes / 3);
  });
});
