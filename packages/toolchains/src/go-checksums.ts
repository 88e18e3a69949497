// Go's checksum database: the hash of a module, with the proof that all clients get the same hash.

import { SlipwayError } from "@slipway/core";
import { reasonOf, unavailable } from "./failures.ts";
import type { ResponseStore } from "./response-store.ts";
import { PackageSourceClient } from "./package-source-client.ts";
import { openSignedTree, parseVerifierKey } from "./signed-tree.ts";
import type { VerifierKey } from "./signed-tree.ts";
import { isInTree } from "./tree-proof.ts";

export interface ModuleChecksum {
  /** `h1:…`; null when the database does not respond, or is disabled. */
  readonly hash: string | null;
  /** Why there is no hash. */
  readonly warning?: string;
}

export interface GoChecksums {
  /**
   * @param module the module's path. @param version `v0.0.1-go1.22.5.linux-amd64`
   * @throws {SlipwayError} "toolchain-unavailable" when the database's answer is not signed by its key, or does not contain the module.
   */
  hash(module: string, version: string, signal: AbortSignal): Promise<ModuleChecksum>;
}

export interface GoChecksumsOptions {
  /** The value of GOSUMDB: a known name, `NAME+ID+KEY` with an optional URL, or `off`. */
  readonly database: string;
  /** The module proxy, which may serve the database too. */
  readonly proxy: PackageSourceClient;
  /** Stores proven hashes for when the database does not respond. */
  readonly texts: ResponseStore;
}

/** Databases that Go knows by name. */
const knownKeys: Readonly<Record<string, string>> = {
  "sum.golang.org": "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
};
const maxAnswerBytes = 1024 ** 2;
const maxTileBytes = 8 * 1024;

/** The database does not respond, as opposed to a wrong response. */
class NoResponse extends Error {}

/** @throws {SlipwayError} "configuration-invalid" when the database is not a valid value of GOSUMDB. */
export function openGoChecksums(options: GoChecksumsOptions): GoChecksums {
  const { proxy, texts } = options;
  const database = parseDatabase(options.database);
  if (database === null)
    return { hash: async () => ({ hash: null, warning: "the checksum database is off (BUILD_GO_SUMDB)" }) };
  const { key, url } = database;
  const verified = new Map<string, string>();
  return {
    async hash(module, version, signal) {
      const title = `${module}@${version}`;
      const kept = verified.get(title) ?? (await texts.get("file", `${key.name} ${title}`));
      if (kept !== null) return { hash: kept };
      try {
        const source = await sourceOf(proxy, key.name, url, signal);
        const hash = await verifiedHash(source, { key, module, version }, signal);
        verified.set(title, hash);
        await texts.put("file", `${key.name} ${title}`, hash);
        return { hash };
      } catch (error) {
        if (!(error instanceof NoResponse)) throw error;
        return {
          hash: null,
          warning: `the checksum database ${key.name} does not respond: ${error.message}`,
        };
      }
    },
  };
}

/** @returns null for `off`. */
function parseDatabase(text: string): { readonly key: VerifierKey; readonly url: string } | null {
  const [name = "", url] = text.trim().split(/\s+/);
  if (name === "off") return null;
  const key = parseVerifierKey(knownKeys[name] ?? name);
  const base = url ?? `https://${key?.name ?? ""}`;
  if (key !== null && /^https?:\/\//.test(base) && URL.canParse(base)) return { key, url: base };
  throw new SlipwayError(
    "configuration-invalid",
    `BUILD_GO_SUMDB is ${JSON.stringify(text)}: set it to sum.golang.org, to a database's key (name+id+key) with its URL after a space, or to off.`,
  );
}

/** The source from which the database is read: the proxy if it offers this, as for Go itself. */
interface DatabaseSource {
  readonly client: PackageSourceClient;
  readonly prefix: string;
}

async function sourceOf(
  proxy: PackageSourceClient,
  name: string,
  url: string,
  signal: AbortSignal,
): Promise<DatabaseSource> {
  const prefix = `sumdb/${name}/`;
  const supported = await responseOf(() => proxy.find(`${prefix}supported`, maxAnswerBytes, signal), signal);
  if (supported !== null) return { client: proxy, prefix };
  return { client: new PackageSourceClient(url, "checksum database of Go"), prefix: "" };
}

interface Lookup {
  readonly key: VerifierKey;
  readonly module: string;
  readonly version: string;
}

async function verifiedHash(
  { client, prefix }: DatabaseSource,
  { key, module, version }: Lookup,
  signal: AbortSignal,
): Promise<string> {
  const wrong = (problem: string) =>
    unavailable(
      `Go's checksum database ${key.name} cannot be trusted about ${module}@${version}: ${problem}.`,
    );
  const path = `${prefix}lookup/${escaped(module)}@${escaped(version)}`;
  const answer = await responseOf(() => client.find(path, maxAnswerBytes, signal), signal);
  if (answer === null) throw wrong("it does not have this version");
  const [, id = "", text = "", note = ""] = /^(\d{1,15})\n(.*?\n)\n(.*)$/s.exec(answer) ?? [];
  const tree = openSignedTree(note, key);
  if (tree === null) throw wrong("its answer is not signed with its key");
  const readTile = async (tile: string): Promise<Buffer> => {
    const read = async () =>
      Buffer.concat(await Array.fromAsync(client.download(prefix + tile, maxTileBytes, signal)));
    return await responseOf(read, signal);
  };
  if (!(await isInTree(tree, { id: Number(id), text }, readTile)))
    throw wrong("its answer is not in its tree");
  const start = `${module} ${version} h1:`;
  const line = text.split("\n").find((one) => one.startsWith(start));
  if (line === undefined) throw wrong("its answer is about something else");
  return line.slice(start.length - "h1:".length);
}

/** @throws {NoResponse} when the request fails; the signal's reason when aborted. */
async function responseOf<T>(request: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await request();
  } catch (error) {
    signal.throwIfAborted();
    throw new NoResponse(reasonOf(error), { cause: error });
  }
}

/** In module paths, an upper-case letter is written as an exclamation mark and the lower-case letter. */
function escaped(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`);
}
