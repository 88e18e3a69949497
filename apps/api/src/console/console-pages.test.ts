// The console is served only to browsers: compressed, cached, and under a strict content security policy.

import { once } from "node:events";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import express from "express";
import { consolePages } from "./console-pages.ts";

const script = "console_started();\n".repeat(50);
const browser = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

describe("the console's pages", () => {
  let folder: string;
  let server: Server;
  let url: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "slipway-console-"));
    await mkdir(join(folder, "assets"));
    await writeFile(join(folder, "index.html"), "<!doctype html><head></head><body></body>");
    await writeFile(join(folder, "assets/main-1234.js"), script);
    await writeFile(join(folder, "assets/main-1234.js.br"), brotliCompressSync(script));
    await writeFile(join(folder, "assets/main-1234.js.gz"), gzipSync(script));
    const app = express();
    app.use(
      consolePages({ apiUrl: "https://a.example.com/slipway", streamUrl: "wss://s.example.com", folder }),
    );
    app.use((_request, response) => void response.json({ name: "slipway" }));
    server = createServer(app).listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  });

  test("browsers get the page at / and at the address of each page, others get JSON", async () => {
    for (const path of ["/", "/apps/my-app/deployments/1"]) {
      const page = await fetch(url + path, { headers: browser });
      expect(await page.text()).toContain('<base href="/slipway/" />');
      for (const accept of ["*/*", "application/json"]) {
        expect(await (await fetch(url + path, { headers: { accept } })).json()).toEqual({ name: "slipway" });
      }
    }
    for (const path of ["/v1/apps", "/docs", "/queues", "/health"]) {
      expect(await (await fetch(url + path, { headers: browser })).json()).toEqual({ name: "slipway" });
    }
  });

  test("the page allows no inline script and no other host but the stream's", async () => {
    const policy = (await fetch(url, { headers: browser })).headers.get("content-security-policy") ?? "";
    expect(policy).not.toContain("unsafe");
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("connect-src 'self' wss://s.example.com");
    expect(policy).toContain("frame-ancestors 'none'");
  });

  test.each([
    ["br, gzip", "br"],
    ["gzip", "gzip"],
    ["identity", null],
  ])("a file is sent to a client that accepts %s as %s, and cached for ever", async (accepted, sent) => {
    const answer = await fetch(`${url}/assets/main-1234.js`, { headers: { "accept-encoding": accepted } });
    expect(answer.headers.get("content-encoding")).toBe(sent);
    expect(answer.headers.get("content-type")).toContain("javascript");
    expect(answer.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(answer.headers.get("vary")).toContain("Accept-Encoding");
    expect(await answer.text()).toBe(script);
  });

  test("no file outside of the assets is served", async () => {
    for (const path of ["/assets/..%2findex.html", "/assets/missing.js", "/built-from"]) {
      expect(await (await fetch(url + path)).json()).toEqual({ name: "slipway" });
    }
  });
});
