// The npm registry: what it says of packages, kept for when it does not respond, and their checked tarballs.

import { createHash } from "node:crypto";
import type { BlobStore, ByteStream } from "@slipway/core";
import { reasonOf, unavailable } from "./failures.ts";
import { NpmClient } from "./npm-client.ts";
import { packageFiles } from "./package-entries.ts";
import { formatPackument, parsePackument } from "./packument.ts";
import type { Packument } from "./packument.ts";
import { SharedWork } from "./shared-work.ts";

export interface NpmRegistryOptions {
  /** `http://` or `https://`; may contain user name and password. TLS trusts what Node.js does, and NODE_EXTRA_CA_CERTS. */
  readonly url: string;
  /** Contains the last answers, below `toolchains/`. */
  readonly blobs: BlobStore;
  readonly now: () => Date;
  /** Called with failures of the blob store, without which everything goes on. */
  readonly onError: (error: unknown) => void;
}

/** Concurrent calls share one request. All throw "toolchain-unavailable", or the signal's reason when aborted. */
export interface NpmRegistry {
  /**
   * Versions of a package, at most 10 minutes old. When the registry does not respond, its last answer is returned with a
   * `warning`, also one that another process received.
   */
  packument(name: string, signal: AbortSignal): Promise<Packument>;
  /** The gzipped tarball. The stream fails at its end when the bytes do not match the registry's sha512. */
  tarball(name: string, version: string, signal: AbortSignal): ByteStream;
  /** One file of a package, at most 1 MiB. It is kept, so it is downloaded once. */
  file(name: string, version: string, path: string, signal: AbortSignal): Promise<string>;
}

interface Kept {
  readonly packument: Packument;
  readonly etag: string;
  readonly receivedAt: Date;
}

const freshMs = 10 * 60_000;
/** After a failed request the kept answer is used for this long before the next request. */
const fallbackMs = 60_000;
const maxPackumentBytes = 64 * 1024 ** 2;
const maxTarballBytes = 512 * 1024 ** 2;
const maxFileBytes = 1024 ** 2;
/** The abbreviated form, without readme and scripts. */
const accept = "application/vnd.npm.install-v1+json";

export function openNpmRegistry({ url, blobs, now, onError }: NpmRegistryOptions): NpmRegistry {
  const client = new NpmClient(url);
  const loading = new SharedWork<Packument>();
  const reading = new SharedWork<string>();
  const memory = new Map<
    string,
    { readonly kept: Kept; readonly answer: Packument; readonly until: number }
  >();

  async function packument(name: string, signal: AbortSignal): Promise<Packument> {
    const found = memory.get(name);
    if (found !== undefined && now().getTime() < found.until) return found.answer;
    return await loading.join(name, (shared) => load(name, shared), signal);
  }

  async function load(name: string, signal: AbortSignal): Promise<Packument> {
    const kept = memory.get(name)?.kept ?? (await readKept(name));
    try {
      const fresh = await request(name, kept, signal);
      memory.set(name, { kept: fresh, answer: fresh.packument, until: now().getTime() + freshMs });
      return fresh.packument;
    } catch (error) {
      signal.throwIfAborted();
      if (kept === undefined) throw error;
      const warning = `The npm registry's answer about ${name} of ${kept.receivedAt.toISOString()} is used: ${reasonOf(error)}`;
      const answer = { ...kept.packument, warning };
      memory.set(name, { kept, answer, until: now().getTime() + fallbackMs });
      return answer;
    }
  }

  async function request(name: string, kept: Kept | undefined, signal: AbortSignal): Promise<Kept> {
    const headers = {
      accept,
      ...(kept === undefined || kept.etag === "" ? {} : { "if-none-match": kept.etag }),
    };
    const answer = await client.get(name.replaceAll("/", "%2f"), headers, maxPackumentBytes, signal);
    if (answer.status === 304 && kept !== undefined) return { ...kept, receivedAt: now() };
    const fresh = {
      packument: parsePackument(name, answer.text),
      etag: answer.etag ?? "",
      receivedAt: now(),
    };
    await keep(fresh);
    return fresh;
  }

  async function keep({ packument: { name }, packument: answer, etag, receivedAt }: Kept): Promise<void> {
    const text = JSON.stringify({ etag, receivedAt, packument: formatPackument(answer) });
    await putText(keyOf("packument", name), text);
  }

  async function readKept(name: string): Promise<Kept | undefined> {
    const text = await getText(keyOf("packument", name));
    if (text === null) return undefined;
    try {
      const { etag, receivedAt, packument: answer } = JSON.parse(text) as Record<string, string>;
      return {
        packument: parsePackument(name, answer ?? ""),
        etag: etag ?? "",
        receivedAt: new Date(receivedAt ?? 0),
      };
    } catch (error) {
      onError(error);
      return undefined;
    }
  }

  async function* tarball(name: string, version: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const found = (await packument(name, signal)).versions.get(version);
    if (found === undefined || found.tarball === "" || found.sha512 === "")
      throw unavailable(
        `The npm registry ${client.url} names no tarball with a sha512 for ${name} ${version}.`,
      );
    const hash = createHash("sha512");
    for await (const chunk of client.download(found.tarball, maxTarballBytes, signal)) {
      hash.update(chunk);
      yield chunk;
    }
    if (hash.digest("base64") !== found.sha512)
      throw unavailable(
        `The tarball of ${name} ${version} does not match the npm registry's checksum (sha512).`,
      );
  }

  async function file(name: string, version: string, path: string, signal: AbortSignal): Promise<string> {
    const key = keyOf("file", `${name} ${version} ${path}`);
    return await reading.join(key, (shared) => readFile(key, name, version, path, shared), signal);
  }

  async function readFile(key: string, name: string, version: string, path: string, signal: AbortSignal) {
    const kept = await getText(key);
    if (kept !== null) return kept;
    let text: string | undefined;
    for await (const entry of packageFiles(tarball(name, version, signal), `${name} ${version}`, signal)) {
      if (entry.path !== path || entry.sizeBytes > maxFileBytes) continue;
      text = Buffer.concat(await Array.fromAsync(entry.body)).toString("utf8");
    }
    if (text === undefined)
      throw unavailable(`The package ${name} ${version} has no file ${path} of at most 1 MiB.`);
    await putText(key, text);
    return text;
  }

  async function getText(key: string): Promise<string | null> {
    try {
      const blob = await blobs.get(key);
      return blob === null ? null : Buffer.concat(await Array.fromAsync(blob.bytes)).toString("utf8");
    } catch (error) {
      onError(error);
      return null;
    }
  }

  async function putText(key: string, text: string): Promise<void> {
    async function* bytes(): ByteStream {
      yield Buffer.from(text);
    }
    await blobs.put(key, bytes()).catch(onError);
  }

  function keyOf(kind: string, name: string): string {
    const hash = createHash("sha256").update(`${client.url} ${name}`).digest("hex");
    return `toolchains/${kind}/${hash}`;
  }

  return { packument, tarball, file };
}
