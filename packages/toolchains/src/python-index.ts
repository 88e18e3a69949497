// An index of Python packages ("simple repository API"): PyPI or a mirror of it, which may respond with JSON or HTML.

import type { ByteStream } from "@slipway/core";
import { checkedDownload } from "./checked-download.ts";
import { unavailable } from "./failures.ts";
import { ResponseCache } from "./response-cache.ts";
import type { ResponseCacheOptions } from "./response-cache.ts";
import { PackageSourceClient } from "./package-source-client.ts";

export interface IndexFile {
  readonly name: string;
  /** Absolute URL. */
  readonly url: string;
  readonly sha256: string;
}

export interface PythonIndex {
  /**
   * A package's Linux wheels that have a checksum and were not withdrawn, at most 10 minutes old. While the index does
   * not respond, the wheels of its last response. @throws {SlipwayError} "toolchain-unavailable".
   */
  linuxWheels(packageName: string, signal: AbortSignal): Promise<readonly IndexFile[]>;
  /** Downloads a file. The stream fails at its end when its bytes do not match its checksum. */
  download(file: IndexFile, signal: AbortSignal): ByteStream;
}

const maxIndexBytes = 64 * 1024 ** 2;
const maxFileBytes = 256 * 1024 ** 2;
const accept = "application/vnd.pypi.simple.v1+json, text/html;q=0.1";

export interface RegistryOptions extends Omit<ResponseCacheOptions, "scope"> {
  /** `http://` or `https://`; may contain user name and password. */
  readonly url: string;
}

/** @param options.url the index's URL, such as `https://pypi.org/simple/`. */
export function openPythonIndex({ url, ...options }: RegistryOptions): PythonIndex {
  const client = new PackageSourceClient(url, "Python package index");
  const answers = new ResponseCache({ ...options, scope: client.url });
  const request = async (packageName: string, signal: AbortSignal) => {
    const text = await client.get(`${packageName}/`, { accept }, maxIndexBytes, signal);
    const files = filesOf(text, new URL(`${packageName}/`, client.url));
    return JSON.stringify(files.filter(({ name }) => /-manylinux[^-]*\.whl$/.test(name)));
  };
  return {
    async linuxWheels(packageName, signal) {
      const text = await answers.get(packageName, (shared) => request(packageName, shared), signal);
      return JSON.parse(text) as readonly IndexFile[];
    },
    download: (file, signal) => checkedDownload(client.download(file.url, maxFileBytes, signal), file),
  };
}

function filesOf(text: string, base: URL): readonly IndexFile[] {
  return text.trimStart().startsWith("{") ? filesOfJson(text, base) : filesOfHtml(text, base);
}

function filesOfJson(text: string, base: URL): readonly IndexFile[] {
  const { files = [] } = parsed(text);
  return files.flatMap(({ filename = "", url = "", hashes = {}, yanked = false }) => {
    const sha256 = hashes["sha256"] ?? "";
    return yanked === false && sha256 !== ""
      ? [{ name: filename, url: new URL(url, base).href, sha256 }]
      : [];
  });
}

interface JsonIndex {
  readonly files?: readonly {
    readonly filename?: string;
    readonly url?: string;
    readonly hashes?: Readonly<Record<string, string>>;
    readonly yanked?: boolean | string;
  }[];
}

function parsed(text: string): JsonIndex {
  try {
    return JSON.parse(text) as JsonIndex;
  } catch (error) {
    throw unavailable("The Python package index answers with JSON that cannot be read.", error);
  }
}

function filesOfHtml(text: string, base: URL): readonly IndexFile[] {
  return Array.from(text.matchAll(/<a\s([^>]*)>([^<]*)<\/a>/gi)).flatMap(
    ([, attributes = "", label = ""]) => {
      const [, href = "", sha256 = ""] = /href="([^"#]*)#sha256=([0-9a-f]{64})/i.exec(attributes) ?? [];
      const isYanked = /\bdata-yanked\b/i.test(attributes);
      if (href === "" || isYanked) return [];
      return [{ name: label.trim(), url: new URL(href.replaceAll("&amp;", "&"), base).href, sha256 }];
    },
  );
}
