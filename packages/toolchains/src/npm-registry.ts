// The npm registry: metadata of packages, stored for when the registry does not respond, and verified tarballs.

import { createHash } from "node:crypto";
import type { BlobStore, ByteStream } from "@slipway/core";
import { ResponseStore } from "./response-store.ts";
import { reasonOf, unavailable } from "./failures.ts";
import { PackageSourceClient } from "./package-source-client.ts";
import { packageFiles } from "./package-entries.ts";
import { formatPackument, readPackument } from "./packument.ts";
import type { Packument } from "./packument.ts";
import { SharedWork } from "./shared-work.ts";

export interface NpmRegistryOptions {
  /** `http://` or `https://`; may contain a user name and password. TLS trusts Node.js's CAs and NODE_EXTRA_CA_CERTS. */
  readonly url: string;
  /** Stores the last responses, below `toolchains/`. */
  readonly blobs: BlobStore;
  readonly now: () => Date;
  /** Called with failures of the blob store, which do not affect the calls. */
  readonly onError: (error: unknown) => void;
}

/** Concurrent calls share one request. All calls throw "toolchain-unavailable", or the signal's reason when aborted. */
export interface NpmRegistry {
  /**
   * Versions of a package, at most 10 minutes old. When the registry does not respond, its last response is returned with a
   * `warning`, even if another process received it.
   */
  packument(name: string, signal: AbortSignal): Promise<Packument>;
  /** The gzipped tarball. The stream fails at its end when the bytes do not match the registry's sha512. */
  tarball(name: string, version: string, signal: AbortSignal): ByteStream;
  /** One file of a package, at most 1 MiB. It is stored, so it is downloaded only once. */
  file(name: string, version: string, path: string, signal: AbortSignal): Promise<string>;
}

/** A stored response of the registry. */
interface Kept {
  readonly packument: Packument;
  readonly etag: string;
  readonly receivedAt: Date;
}

interface Remembered {
  readonly kept: Kept;
  readonly answer: Packument;
  /** Milliseconds since 1970. */
  readonly until: number;
}

const freshMs = 10 * 60_000;
/** After a failed request, the stored response is used for this long before the next request. */
const fallbackMs = 60_000;
const maxPackumentBytes = 64 * 1024 ** 2;
const maxTarballBytes = 512 * 1024 ** 2;
const maxFileBytes = 1024 ** 2;
/** The abbreviated format, without readme and scripts. */
const accept = "application/vnd.npm.install-v1+json";

/** Opens an npm registry. Connects with each request. */
export function openNpmRegistry(options: NpmRegistryOptions): NpmRegistry {
  return new HttpNpmRegistry(options);
}

class HttpNpmRegistry implements NpmRegistry {
  readonly #client: PackageSourceClient;
  readonly #texts: ResponseStore;
  readonly #now: () => Date;
  readonly #onError: (error: unknown) => void;
  readonly #loading = new SharedWork<Packument>();
  readonly #reading = new SharedWork<string>();
  readonly #memory = new Map<string, Remembered>();

  constructor({ url, blobs, now, onError }: NpmRegistryOptions) {
    this.#client = new PackageSourceClient(url, "npm registry");
    this.#texts = new ResponseStore({ blobs, scope: this.#client.url, onError });
    this.#now = now;
    this.#onError = onError;
  }

  async packument(name: string, signal: AbortSignal): Promise<Packument> {
    const found = this.#memory.get(name);
    if (found !== undefined && this.#now().getTime() < found.until) return found.answer;
    return await this.#loading.join(name, (shared) => this.#load(name, shared), signal);
  }

  async *tarball(name: string, version: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const found = (await this.packument(name, signal)).versions.get(version);
    if (found === undefined || found.tarball === "" || found.sha512 === "")
      throw unavailable(
        `The npm registry ${this.#client.url} names no tarball with a sha512 for ${name} ${version}.`,
      );
    const hash = createHash("sha512");
    for await (const chunk of this.#client.download(found.tarball, maxTarballBytes, signal)) {
      hash.update(chunk);
      yield chunk;
    }
    if (hash.digest("base64") !== found.sha512)
      throw unavailable(
        `The tarball of ${name} ${version} does not match the npm registry's checksum (sha512).`,
      );
  }

  async file(name: string, version: string, path: string, signal: AbortSignal): Promise<string> {
    const key = `${name} ${version} ${path}`;
    return await this.#reading.join(
      key,
      (shared) => this.#readFile(key, { name, version, path }, shared),
      signal,
    );
  }

  async #load(name: string, signal: AbortSignal): Promise<Packument> {
    const kept = this.#memory.get(name)?.kept ?? (await this.#readKept(name));
    try {
      const fresh = await this.#request(name, kept, signal);
      this.#memory.set(name, {
        kept: fresh,
        answer: fresh.packument,
        until: this.#now().getTime() + freshMs,
      });
      return fresh.packument;
    } catch (error) {
      signal.throwIfAborted();
      if (kept === undefined) throw error;
      const warning = `The npm registry's answer about ${name} of ${kept.receivedAt.toISOString()} is used: ${reasonOf(error)}`;
      const answer = { ...kept.packument, warning };
      this.#memory.set(name, { kept, answer, until: this.#now().getTime() + fallbackMs });
      return answer;
    }
  }

  async #request(name: string, kept: Kept | undefined, signal: AbortSignal): Promise<Kept> {
    const headers = {
      accept,
      ...(kept === undefined || kept.etag === "" ? {} : { "if-none-match": kept.etag }),
    };
    const reading = {
      maxBytes: maxPackumentBytes,
      content: (json: ByteStream) => readPackument(name, json),
    };
    const answer = await this.#client.read(name.replaceAll("/", "%2f"), headers, reading, signal);
    const receivedAt = this.#now();
    if (answer.content === null) {
      if (kept !== undefined) return { ...kept, receivedAt };
      throw unavailable(
        `The npm registry ${this.#client.url} answers 304 about the package ${name}, of which no answer is kept.`,
      );
    }
    const { content: packument, etag } = answer;
    const text = JSON.stringify({ etag, receivedAt, packument: formatPackument(packument) });
    await this.#texts.put("packument", name, text);
    return { packument, etag, receivedAt };
  }

  async #readKept(name: string): Promise<Kept | undefined> {
    const text = await this.#texts.get("packument", name);
    if (text === null) return undefined;
    try {
      const { etag, receivedAt, packument } = JSON.parse(text) as Record<string, string>;
      return {
        packument: await readPackument(name, [Buffer.from(packument ?? "")]),
        etag: etag ?? "",
        receivedAt: new Date(receivedAt ?? 0),
      };
    } catch (error) {
      this.#onError(error);
      return undefined;
    }
  }

  async #readFile(
    key: string,
    { name, version, path }: { readonly name: string; readonly version: string; readonly path: string },
    signal: AbortSignal,
  ): Promise<string> {
    const kept = await this.#texts.get("file", key);
    if (kept !== null) return kept;
    let text: string | undefined;
    const tarball = this.tarball(name, version, signal);
    for await (const entry of packageFiles(tarball, `${name} ${version}`, signal)) {
      if (entry.path !== path || entry.sizeBytes > maxFileBytes) continue;
      text = Buffer.concat(await Array.fromAsync(entry.body)).toString("utf8");
    }
    if (text === undefined)
      throw unavailable(`The package ${name} ${version} has no file ${path} of at most 1 MiB.`);
    await this.#texts.put("file", key, text);
    return text;
  }
}
