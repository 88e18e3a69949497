import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { SlipwayError } from "@slipway/core";
import { cutServer, drain, refusal } from "@slipway/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OpenUrlOptions, openUrl } from "./open-url.ts";

const archive = gzipSync("an archive");
let requests: IncomingMessage[] = [];

const answers: Record<string, (response: ServerResponse, request: IncomingMessage) => void> = {
  "/archive": (response) => response.end(archive),
  "/encoded": (response) => response.writeHead(200, { "content-encoding": "gzip" }).end(archive),
  "/missing": (response) => response.writeHead(404).end("no"),
  "/large": (response) => response.writeHead(200, { "content-length": 5000 }).end(Buffer.alloc(5000)),
  "/unbounded": (response) => response.write(Buffer.alloc(5000)),
  "/cut-off": (response) => {
    response.writeHead(200, { "content-length": 1000 }).write("half");
    setImmediate(() => response.destroy());
  },
  "/trickle": (response) => {
    const timer = setInterval(() => response.write("x"), 1);
    response.once("close", () => clearInterval(timer));
  },
  "/stuck": (response) => response.write("half"),
  "/silent": () => undefined,
  "/moved": redirect(302, "/archive"),
  "/circle": redirect(301, "/circle"),
  "/nowhere": redirect(302, undefined),
  "/to-file": redirect(302, "file:///etc/passwd"),
  "/to-metadata": redirect(302, "http://169.254.169.254/latest/?secret=1"),
  "/to-other": (response, { headers }) =>
    redirect(307, `http://localhost:${port(headers.host)}/archive`)(response),
};

const server = createServer((request, response) => {
  requests.push(request);
  answers[request.url?.split("?")[0] ?? ""]?.(response, request);
});
let host = "";

beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => cutServer(server));

function redirect(status: number, location: string | undefined): (response: ServerResponse) => void {
  return (response) => response.writeHead(status, location === undefined ? {} : { location }).end();
}

function port(hostHeader = ""): string {
  return hostHeader.split(":")[1] ?? "";
}

function options(changes: Partial<OpenUrlOptions> = {}): OpenUrlOptions {
  return {
    maxSizeBytes: 1000,
    timeoutMs: 60_000,
    allowedPrivateHosts: ["127.0.0.0/8", "::1"],
    signal: new AbortController().signal,
    ...changes,
  };
}

async function fetched(path: string, changes: Partial<OpenUrlOptions> = {}): Promise<number> {
  requests = [];
  return drain(await openUrl(`http://${host}${path}`, options(changes)));
}

describe("openUrl", () => {
  test("openUrl returns the bytes as sent, whatever encoding the server declares", async () => {
    expect(await fetched("/archive")).toBe(archive.length);
    expect(await fetched("/encoded")).toBe(archive.length);
  });

  test("openUrl follows redirects, and sends credentials only to their own host", async () => {
    requests = [];
    const url = `http://user:p%40ss@${host}/to-other`;
    expect(await drain(await openUrl(url, options()))).toBe(archive.length);
    expect(requests.map(({ headers }) => headers.authorization)).toEqual([
      `Basic ${Buffer.from("user:p@ss").toString("base64")}`,
      undefined,
    ]);
    expect(await fetched("/moved?x=1")).toBe(archive.length);
  });

  test("openUrl limits the size, whether declared or not", async () => {
    const message = "archive-too-large: The archive is larger than 0 MiB.";
    expect(await refusal(fetched("/large"))).toBe(message);
    expect(await refusal(fetched("/unbounded"))).toBe(message);
  });

  test.each([
    ["/missing?token=secret", "responded with status 404."],
    ["/circle", "redirects more than 5 times."],
    ["/nowhere", "redirects to an invalid URL."],
    ["/to-file", "redirects to a URL that is neither http nor https."],
  ])("openUrl fails for %s with the host but no path or query", async (path, message) => {
    expect(await refusal(fetched(path))).toBe(`source-unreachable: ${host} ${message}`);
  });

  test("openUrl fails when the download breaks off or never starts", async () => {
    expect(await refusal(fetched("/cut-off"))).toContain(
      `The transfer from ${host} broke off after 4 bytes.`,
    );
    expect(await refusal(fetched("/silent", { responseTimeoutMs: 30 }))).toContain(
      "did not respond within 0.03 s",
    );
    expect(await refusal(openUrl("http://127.0.0.1:1/", options()))).toContain(
      "127.0.0.1:1 refused the connection",
    );
    expect(await refusal(openUrl("http://name.invalid/", options()))).toContain("name.invalid cannot be");
  });

  test.for(["/stuck", "/trickle"])("openUrl fails when the server sends too slowly: %s", async (path) => {
    const slow = fetched(path, { pace: { periodMs: 100, minBytes: 1_000 } });
    expect(await refusal(slow)).toMatch(
      new RegExp(`^source-unreachable: ${host} sent less than 1000 bytes in 0.1 s, after \\d+ bytes\\.$`),
    );
    await expect.poll(() => requests[0]?.socket.destroyed).toBe(true);
  });

  test.for(["/silent", "/stuck", "/trickle"])(
    "openUrl fails when the download takes too long: %s",
    async (path) => {
      const message = `source-unreachable: The download from ${host} took longer than 0.1 s.`;
      expect(await refusal(fetched(path, { timeoutMs: 100, maxSizeBytes: 1_000_000 }))).toBe(message);
      await expect.poll(() => requests[0]?.socket.destroyed).toBe(true);
    },
  );

  test("openUrl closes the connection when the stream is disposed unread", async () => {
    requests = [];
    await using bytes = await openUrl(`http://${host}/stuck`, options());
    await bytes[Symbol.asyncDispose]();
    await expect.poll(() => requests[0]?.socket.destroyed).toBe(true);
  });

  test("openUrl stops when the signal aborts, while waiting and while reading", async () => {
    const reason = new SlipwayError("aborted", "enough");
    const waiting = new AbortController();
    const silent = fetched("/silent", { signal: waiting.signal });
    await expect.poll(() => requests).toHaveLength(1);
    waiting.abort(reason);
    await expect(silent).rejects.toBe(reason);
    const reading = new AbortController();
    const stuck = drain(await openUrl(`http://${host}/stuck`, options({ signal: reading.signal })));
    reading.abort(reason);
    await expect(stuck).rejects.toBe(reason);
    await expect(fetched("/archive", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe("an address that is not public", () => {
  test.each([
    "http://127.0.0.1/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://localhost/",
    "http://0.0.0.0/",
    "http://[::1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://169.254.169.254/latest/meta-data/",
  ])("%s is refused", async (url) => {
    const answer = await refusal(openUrl(url, options({ allowedPrivateHosts: [] })));
    expect(answer).toContain("is not on the public internet");
  });

  test("an address that is not public is rejected after a redirect too", async () => {
    expect(await refusal(fetched("/to-metadata"))).toBe(
      "source-unreachable: 169.254.169.254 is not on the public internet, and the operator has not allowed it.",
    );
  });

  test("an address that is not public is allowed for a host and port that the operator lists", async () => {
    expect(await fetched("/archive", { allowedPrivateHosts: [host] })).toBe(archive.length);
    expect(await fetched("/archive", { allowedPrivateHosts: ["127.0.0.1"] })).toBe(archive.length);
    expect(await refusal(fetched("/archive", { allowedPrivateHosts: ["127.0.0.1:1"] }))).toContain(
      "not on the public",
    );
  });
});

test.each([
  ["", "The URL is not valid."],
  ["not a url with s3cret", "The URL is not valid."],
  ["ftp://user:s3cret@example.com/", "The URL must begin with http:// or https://."],
])("%j is rejected without quoting it", async (url, message) => {
  expect(await refusal(openUrl(url, options()))).toBe(`source-unreachable: ${message}`);
});
