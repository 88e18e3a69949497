// A module proxy of Go with small toolchains, and a checksum database of its own, on a real HTTP server.

import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { cutServer } from "@slipway/testkit";

export interface TestGoProxy extends AsyncDisposable {
  readonly url: string;
  /** As GOSUMDB names it: its name, id and key. */
  readonly database: string;
  /** Files by path; undefined for those that the server does not have. */
  readonly files: Map<string, Buffer | string>;
  /** Paths and statuses of responses. */
  readonly responses: string[];
  /** The status of all responses whose path contains the key. */
  readonly failing: Map<string, number>;
}

const module = "golang.org/toolchain";
const name = "sum.test";
const width = 256;

/** @param archives by version: `1.22.5`. */
export async function startGoProxy(
  archives: Readonly<Record<string, Buffer>>,
  hashes: Readonly<Record<string, string>>,
): Promise<TestGoProxy> {
  const versions = Object.keys(archives);
  const ids = versions.map((version) => `v0.0.1-go${version}.linux-amd64`);
  const { database, files } = signedDatabase(
    ids.map((id, index) => `${module} ${id} ${hashes[versions[index] ?? ""]}\n`),
    ids,
  );
  files.set(`/${module}/@v/list`, `v0.0.1-go1.99.0.darwin-arm64\n${ids.join("\n")}\n`);
  for (const [version, archive] of Object.entries(archives))
    files.set(`/${module}/@v/v0.0.1-go${version}.linux-amd64.zip`, archive);
  const responses: string[] = [];
  const failing = new Map<string, number>();
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "");
    const failure = Array.from(failing).find(([part]) => path.includes(part))?.[1];
    const content = files.get(path);
    const status = failure ?? (content === undefined ? 404 : 200);
    responses.push(`${path} ${status}`);
    response.writeHead(status).end(status === 200 ? content : "");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    database,
    files,
    responses,
    failing,
    [Symbol.asyncDispose]: () => cutServer(server),
  };
}

/** Hash of a module's files, as Go computes it. */
export function moduleHash(files: readonly (readonly [path: string, content: string | Buffer])[]): string {
  const lines = files
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, content]) => `${createHash("sha256").update(content).digest("hex")}  ${path}\n`);
  return `h1:${createHash("sha256").update(lines.join("")).digest("base64")}`;
}

/** The records are between 300 others, so that proofs need several tiles, of which some are not full. */
function signedDatabase(texts: readonly string[], ids: readonly string[]) {
  const others = Array.from({ length: 300 }, (_, index) => `example.com/m${index} v1.0.0 h1:x\n`);
  const records = [...others.slice(0, 270), ...texts, ...others.slice(270)];
  let level = records.map((record) => sha256(0, Buffer.from(record)));
  const files = new Map<string, Buffer | string>([[`/sumdb/${name}/supported`, ""]]);
  const root = rootOf(level);
  for (let number = 0; level.length > 0; number += 1) {
    for (let index = 0; index * width < level.length; index += 1) {
      const tile = level.slice(index * width, (index + 1) * width);
      const suffix = tile.length < width ? `.p/${tile.length}` : "";
      files.set(
        `/sumdb/${name}/tile/8/${number}/${String(index).padStart(3, "0")}${suffix}`,
        Buffer.concat(tile),
      );
    }
    level = Array.from({ length: Math.floor(level.length / width) }, (_, index) =>
      rootOf(level.slice(index * width, (index + 1) * width)),
    );
  }
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const key = Buffer.concat([Buffer.of(1), publicKey.export({ format: "der", type: "spki" }).subarray(-32)]);
  const id = createHash("sha256").update(`${name}\n`).update(key).digest().subarray(0, 4);
  const tree = `go.sum database tree\n${records.length}\n${root.toString("base64")}\n`;
  const signature = Buffer.concat([id, sign(null, Buffer.from(tree), privateKey)]).toString("base64");
  for (const [index, text] of texts.entries())
    files.set(
      `/sumdb/${name}/lookup/${module}@${ids[index]}`,
      `${270 + index}\n${text}\n${tree}\n— ${name} ${signature}\n`,
    );
  return { files, database: `${name}+${id.toString("hex")}+${key.toString("base64")}` };
}

function rootOf(hashes: readonly Buffer[]): Buffer {
  if (hashes.length === 1) return hashes[0] as Buffer;
  let split = 1;
  while (split * 2 < hashes.length) split *= 2;
  return sha256(1, rootOf(hashes.slice(0, split)), rootOf(hashes.slice(split)));
}

function sha256(kind: number, ...parts: readonly Buffer[]): Buffer {
  return createHash("sha256")
    .update(Buffer.concat([Buffer.of(kind), ...parts]))
    .digest();
}
