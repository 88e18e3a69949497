// A Go module proxy (GOPROXY), from which Go's toolchains are downloaded as versions of one module.

import type { BlobStore } from "@slipway/core";
import { reasonOf } from "./failures.ts";
import { openGoChecksums } from "./go-checksums.ts";
import type { ModuleChecksum } from "./go-checksums.ts";
import { ResponseStore } from "./response-store.ts";
import { moduleFiles } from "./module-zip.ts";
import type { PackageFile } from "./package-entries.ts";
import type { Architecture } from "./platform-packages.ts";
import { PackageSourceClient } from "./package-source-client.ts";

export interface GoProxyOptions {
  /** `https://proxy.golang.org`; may contain a user name and password. TLS trusts Node.js's CAs and NODE_EXTRA_CA_CERTS. */
  readonly url: string;
  /** The value of GOSUMDB. */
  readonly checksumDatabase: string;
  /** Stores the last list of versions, and proven hashes. */
  readonly blobs: BlobStore;
  readonly now: () => Date;
  /** Called with failures of the blob store, which do not affect the calls. */
  readonly onError: (error: unknown) => void;
}

/** All calls throw "toolchain-unavailable", or the signal's reason when aborted. */
export interface GoProxy {
  /** Go versions that the proxy lists, at most 10 minutes old. When it does not respond, the last list, with a warning. */
  versions(architecture: Architecture, signal: AbortSignal): Promise<GoVersions>;
  /** Whether the proxy has a version. Its list contains only versions that were requested before. */
  has(version: string, architecture: Architecture, signal: AbortSignal): Promise<boolean>;
  checksum(version: string, architecture: Architecture, signal: AbortSignal): Promise<ModuleChecksum>;
  /** The files of a toolchain. The stream fails at the end when they do not match the hash. */
  files(toolchain: GoToolchainId, signal: AbortSignal): AsyncIterable<PackageFile>;
}

interface GoVersions {
  readonly versions: readonly string[];
  readonly warning?: string;
}

interface GoToolchainId {
  /** Without the prefix `go`. */
  readonly version: string;
  readonly architecture: Architecture;
  /** `h1:…`; null when it is unknown. */
  readonly hash: string | null;
}

const module = "golang.org/toolchain";
const freshMs = 10 * 60_000;
const maxListBytes = 4 * 1024 ** 2;
/** Includes 403, because some mirrors forbid versions that they lack. */
const absent = [403, 404, 410];
const maxArchiveBytes = 512 * 1024 ** 2;
const goArchitectures: Readonly<Record<Architecture, string>> = { x64: "amd64", arm64: "arm64" };

/** @throws {SlipwayError} "configuration-invalid" when the checksum database is not a valid value of GOSUMDB. */
export function openGoProxy({ url, checksumDatabase, blobs, now, onError }: GoProxyOptions): GoProxy {
  const client = new PackageSourceClient(url, "module proxy of Go");
  const texts = new ResponseStore({ blobs, scope: client.url, onError });
  const checksums = openGoChecksums({ database: checksumDatabase, proxy: client, texts });
  let kept: { readonly text: string; readonly until: number } | undefined;

  async function list(signal: AbortSignal): Promise<{ readonly text: string; readonly warning?: string }> {
    const time = now().getTime();
    if (kept !== undefined && time < kept.until) return kept;
    const path = `${module}/@v/list`;
    try {
      const text = await client.get(path, {}, maxListBytes, signal);
      kept = { text, until: time + freshMs };
      await texts.put("file", path, text);
      return kept;
    } catch (error) {
      signal.throwIfAborted();
      const text = kept?.text ?? (await texts.get("file", path));
      if (text === null) throw error;
      return { text, warning: `An earlier list of Go's versions is used: ${reasonOf(error)}` };
    }
  }

  return {
    async versions(architecture, signal) {
      const { text, warning } = await list(signal);
      const suffix = `.linux-${goArchitectures[architecture]}`;
      const versions = text.split("\n").flatMap((line) => {
        const isFitting = line.startsWith("v0.0.1-go") && line.endsWith(suffix);
        return isFitting ? [line.slice("v0.0.1-go".length, -suffix.length)] : [];
      });
      return { versions, ...(warning !== undefined && { warning }) };
    },
    async has(version, architecture, signal) {
      const { versions } = await this.versions(architecture, signal);
      if (versions.includes(version)) return true;
      const path = `${module}/@v/${moduleVersion(version, architecture)}.mod`;
      return (await client.find(path, maxListBytes, signal, absent)) !== null;
    },
    checksum: (version, architecture, signal) =>
      checksums.hash(module, moduleVersion(version, architecture), signal),
    files({ version, architecture, hash }, signal) {
      const id = moduleVersion(version, architecture);
      const bytes = client.download(`${module}/@v/${id}.zip`, maxArchiveBytes, signal);
      return moduleFiles({ module: `${module}@${id}`, bytes, hash });
    },
  };
}

function moduleVersion(version: string, architecture: Architecture): string {
  return `v0.0.1-go${version}.linux-${goArchitectures[architecture]}`;
}
