// Fetches buildpacks by URL for builds: with the checks for URLs of users, within limits, and from a cache if the revision is known.

import { chmod, mkdir, mkdtempDisposable, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { getCACertificates } from "node:tls";
import type { TarLayout, UnpackLimits } from "@slipway/archive";
import type { BuildpackUrl } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import { openGuardedProxy } from "@slipway/outbound";
import { checkTar, downloadArchive } from "./archive.ts";
import { BuildpackCache } from "./buildpack-cache.ts";
import { buildpackFailure } from "./buildpack-failure.ts";
import { openRepository } from "./git-repository.ts";
import type { TarPart } from "./git-repository.ts";
import { mirroredUrl } from "./mirrors.ts";
import type { Mirror } from "./mirrors.ts";

export interface RemoteBuildpacksOptions {
  /** The path of an existing folder for temporary files. */
  readonly temporaryFolder: string;
  readonly allowedPrivateHosts: readonly string[];
  readonly mirrors: readonly Mirror[];
  /** Limits of the transfer of one buildpack, and of its unpacked size. */
  readonly limits: UnpackLimits;
  /** The time limit for one buildpack. */
  readonly timeoutMs: number;
  /** Receives failures that do not affect the build. */
  readonly onError: (error: unknown, message: string) => void;
}

/** Identifies a buildpack's code. */
export interface BuildpackOrigin {
  readonly name: string;
  /** The URL without credentials. */
  readonly url: string;
  /** The revision of a repository, or `sha256:` and the SHA-256 of an archive. */
  readonly revision: string;
}

export interface FetchedBuildpack extends BuildpackOrigin, AsyncDisposable {
  readonly layout: TarLayout;
  /** Tars of the buildpack's files. They are checked, and exist until the buildpack is disposed. */
  readonly parts: readonly TarPart[];
}

export interface RemoteBuildpacks {
  /** @throws {SlipwayError} "no-buildpack" with the buildpack, the failure and the advice; the signal's reason when aborted. */
  fetch(buildpack: BuildpackUrl, signal: AbortSignal): Promise<FetchedBuildpack>;
}

const cacheBytes = 512 * 1024 ** 2;
const connectProgram = join(import.meta.dirname, "connect-through-proxy.ts");
/** Error codes that are reported as failures of the buildpack. */
const userCodes: ReadonlySet<string> = new Set([
  "source-unreachable",
  "archive-invalid",
  "archive-too-large",
]);

/** Files fetched for a build are removed with the build. Cached files are removed with the temporary folder. */
export async function openRemoteBuildpacks(options: RemoteBuildpacksOptions): Promise<RemoteBuildpacks> {
  const folder = await subfolder(options.temporaryFolder, "buildpacks");
  const tools = { folder, ...(await writeTools(folder)) };
  const cache = new BuildpackCache(await subfolder(folder, "cache"), cacheBytes);
  return { fetch: (buildpack, signal) => fetchOne({ ...options, ...tools, cache }, buildpack, signal) };
}

interface FetchContext extends RemoteBuildpacksOptions {
  readonly folder: string;
  readonly caFile: string;
  readonly gitProxy: string;
  readonly cache: BuildpackCache;
}

interface Content {
  readonly revision: string;
  readonly layout: TarLayout;
  readonly parts: readonly TarPart[];
}

async function fetchOne(
  context: FetchContext,
  buildpack: BuildpackUrl,
  signal: AbortSignal,
): Promise<FetchedBuildpack> {
  const { timeoutMs, folder } = context;
  const subject = `The buildpack ${buildpack.shown} cannot be fetched`;
  const timeout = AbortSignal.timeout(timeoutMs);
  await using opened = new AsyncDisposableStack();
  const own = opened.use(await mkdtempDisposable(join(folder, "fetch-")));
  const task = { buildpack, subject, folder: own.path, signal: AbortSignal.any([signal, timeout]) };
  try {
    const content = await (buildpack.kind === "git" ? fromGit(context, task) : fromArchive(context, task));
    const resources = opened.move();
    const { name, shown: url } = buildpack;
    return { ...content, name, url, [Symbol.asyncDispose]: () => resources.disposeAsync() };
  } catch (error) {
    signal.throwIfAborted();
    if (timeout.aborted)
      throw buildpackFailure(`${subject}: it took longer than ${timeoutMs / 1000} s.`, { cause: error });
    if (error instanceof SlipwayError && userCodes.has(error.code))
      throw buildpackFailure(`${subject}: ${error.message}`, { cause: error });
    throw error;
  }
}

interface FetchTask {
  readonly buildpack: BuildpackUrl;
  readonly subject: string;
  readonly folder: string;
  readonly signal: AbortSignal;
}

async function fromGit(
  context: FetchContext,
  { buildpack, subject, folder, signal }: FetchTask,
): Promise<Content> {
  const { limits, allowedPrivateHosts, mirrors, caFile, gitProxy, cache, onError } = context;
  const maxSizeBytes = limits.maxUnpackedBytes;
  await using proxy = await openGuardedProxy({ allowedPrivateHosts, maxSizeBytes });
  const session = {
    folder,
    proxyUrl: proxy.url,
    gitProxy,
    caFile,
    maxFileBytes: maxSizeBytes,
    mirrored: (url: string) => mirroredUrl(url, mirrors),
    signal,
  };
  try {
    const { url, ref } = buildpack;
    const repository = await openRepository(session, { url, ref, subject });
    const { revision } = repository;
    const key = JSON.stringify([url, revision]);
    const kept = await cache.take(key, folder);
    if (kept !== null) return { revision, layout: "flat", parts: kept };
    const parts = await repository.fetch();
    await check(parts, limits);
    // The build already has its files, so a full disk must not fail it.
    await cache.keep(key, parts).catch((error: unknown) => onError(error, "cannot keep a buildpack"));
    return { revision, layout: "flat", parts };
  } catch (error) {
    signal.throwIfAborted();
    // Git knows only that its proxy refused the connection. The proxy knows the reason.
    throw proxy.failure() ?? error;
  }
}

async function check(parts: readonly TarPart[], limits: UnpackLimits): Promise<void> {
  for (const { file } of parts) await checkTar(file, "flat", limits);
}

async function fromArchive(
  context: FetchContext,
  { buildpack, folder, signal }: FetchTask,
): Promise<Content> {
  const { limits, allowedPrivateHosts, mirrors, timeoutMs } = context;
  const { file, sha256, layout } = await downloadArchive(mirroredUrl(buildpack.url, mirrors), folder, {
    maxSizeBytes: limits.maxUnpackedBytes,
    unpacked: limits,
    allowedPrivateHosts,
    timeoutMs,
    signal,
  });
  await checkTar(file, layout, limits);
  const part = { path: "", file, sizeBytes: (await stat(file)).size };
  return { revision: `sha256:${sha256}`, layout, parts: [part] };
}

/** Writes the CA file, so that git trusts the authorities that this process trusts, and the program for git://. */
async function writeTools(folder: string): Promise<Pick<FetchContext, "caFile" | "gitProxy">> {
  const caFile = join(folder, "authorities.pem");
  await writeFile(caFile, getCACertificates("default").join("\n"));
  const gitProxy = join(folder, "git-proxy");
  // Node.js reserves more address space than git's limit allows.
  await writeFile(
    gitProxy,
    `#!/bin/sh\nulimit -S -v unlimited\nexec '${process.execPath}' '${connectProgram}' "$SLIPWAY_GIT_PROXY" "$@"\n`,
  );
  await chmod(gitProxy, 0o700);
  return { caFile, gitProxy };
}

async function subfolder(folder: string, name: string): Promise<string> {
  await mkdir(join(folder, name));
  return join(folder, name);
}
