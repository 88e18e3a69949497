// A test's own npm registry on real HTTP: packuments with ETags, and tarballs.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { cutServer } from "./cut-server.ts";

export interface TestNpmVersion {
  readonly tarball: Buffer;
  /** Base64; by default the tarball's own. */
  readonly sha512?: string;
  readonly node?: string;
  readonly bin?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Name → version → package. */
export type TestNpmPackages = Record<string, Readonly<Record<string, TestNpmVersion>>>;

export interface TestNpmRegistry extends AsyncDisposable {
  readonly url: string;
  /** May be changed. */
  readonly packages: TestNpmPackages;
  /** Path and status of each response. */
  readonly responses: string[];
  /** Set by tests to respond differently; returns whether it did. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
}

export async function startNpmRegistry(packages: TestNpmPackages): Promise<TestNpmRegistry> {
  const responses: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "");
    response.once("finish", () => responses.push(`${path} ${response.statusCode}`));
    if (registry.intercept?.(request, response) === true) return;
    respond(packages, path.slice(1), request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const registry: TestNpmRegistry = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    packages,
    responses,
    intercept: undefined,
    [Symbol.asyncDispose]: () => cutServer(server),
  };
  return registry;
}

function respond(
  packages: TestNpmPackages,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
) {
  const [name = "", file] = path.split("/-/");
  const versions = packages[name];
  if (versions === undefined) return response.writeHead(404).end();
  if (file !== undefined) {
    const found = versions[file.replace(/\.tgz$/, "")];
    if (found === undefined) return response.writeHead(404).end();
    return sendFile(found.tarball, request, response);
  }
  const body = JSON.stringify({ name, versions: packumentOf(name, versions, request.headers.host ?? "") });
  const etag = `"${createHash("sha256").update(body).digest("hex")}"`;
  if (request.headers["if-none-match"] === etag) return response.writeHead(304, { etag }).end();
  return response.writeHead(200, { etag, "content-type": "application/json" }).end(body);
}

function packumentOf(name: string, versions: Readonly<Record<string, TestNpmVersion>>, host: string) {
  const entries = Object.entries(versions).map(([version, known]) => {
    const sha512 = known.sha512 ?? createHash("sha512").update(known.tarball).digest("base64");
    const { node, bin, optionalDependencies } = known;
    const dist = { tarball: `http://${host}/${name}/-/${version}.tgz`, integrity: `sha1-x sha512-${sha512}` };
    return [version, { dist, engines: node === undefined ? undefined : { node }, bin, optionalDependencies }];
  });
  return Object.fromEntries(entries) as unknown;
}

/** Supports range requests, like registries for tarballs. */
function sendFile(bytes: Buffer, request: IncomingMessage, response: ServerResponse) {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const headers = { "content-length": bytes.length - start };
  if (start === 0) response.writeHead(200, headers);
  else
    response.writeHead(206, {
      ...headers,
      "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
    });
  return response.end(bytes.subarray(start));
}
