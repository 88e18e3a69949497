// A folder of python-build-standalone's interpreters on a server: one of its releases, with the list of checksums.

import { checkedDownload } from "./checked-download.ts";
import { unavailable } from "./failures.ts";
import { ResponseCache } from "./response-cache.ts";
import { packageFiles } from "./package-entries.ts";
import type { PackageFile } from "./package-entries.ts";
import type { Architecture } from "./platform-packages.ts";
import type { RegistryOptions } from "./python-index.ts";
import { PackageSourceClient } from "./package-source-client.ts";

export interface MirroredPython {
  readonly version: string;
  readonly file: string;
  readonly sha256: string;
}

export interface PythonMirror {
  /**
   * @returns the interpreters for the architecture; while the mirror does not respond, those in its last response.
   * @throws {SlipwayError} "toolchain-unavailable".
   */
  interpreters(architecture: Architecture, signal: AbortSignal): Promise<readonly MirroredPython[]>;
  /** The files of an interpreter. The stream fails at the end when the bytes do not match the checksum. */
  files(python: MirroredPython, signal: AbortSignal): AsyncIterable<PackageFile>;
}

const checksumsFile = "SHA256SUMS";
const maxChecksumsBytes = 4 * 1024 ** 2;
const maxArchiveBytes = 512 * 1024 ** 2;
const machines: Readonly<Record<Architecture, string>> = { x64: "x86_64", arm64: "aarch64" };

/** @param options.url URL of the folder. */
export function openPythonMirror({ url, ...options }: RegistryOptions): PythonMirror {
  const client = new PackageSourceClient(url, "mirror of Python");
  const answers = new ResponseCache({ ...options, scope: client.url });
  const request = async (signal: AbortSignal) =>
    await client.get(checksumsFile, {}, maxChecksumsBytes, signal);
  return {
    async interpreters(architecture, signal) {
      const text = await answers.get(checksumsFile, request, signal);
      const found = text.split("\n").flatMap((line) => interpreterOf(line, machines[architecture]));
      if (found.length > 0) return found;
      throw unavailable(`${checksumsFile} of the mirror of Python names no interpreter for ${architecture}.`);
    },
    files({ file, sha256 }, signal) {
      const archive = client.download(file, maxArchiveBytes, signal);
      return packageFiles(checkedDownload(archive, { name: file, sha256 }), file, signal, "omitted");
    },
  };
}

/** A line of the list: `SHA256  cpython-3.12.8+20241219-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz` */
function interpreterOf(line: string, machine: string): readonly MirroredPython[] {
  const [, sha256 = "", file = "", version = "", found = ""] =
    /^([0-9a-f]{64}) [ *](cpython-(\d+\.\d+\.\d+)\+\d+-(\w+)-unknown-linux-gnu-install_only_stripped\.tar\.gz)$/.exec(
      line.trim(),
    ) ?? [];
  return found === machine ? [{ version, file, sha256 }] : [];
}
