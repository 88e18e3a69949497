// Opens the worker's dependencies: ports and clients. app.ts passes them on; each module declares the ones that it uses.

import { readFile } from "node:fs/promises";
import { openRedis, openRegistryWrites } from "@slipway/bus";
import type { RedisConnection, RegistryWrites } from "@slipway/bus";
import { openImageBuilder } from "@slipway/buildkit";
import type {
  BlobStore,
  BuildEngine,
  ImageBuilder,
  ImageRegistry,
  RemoteImages,
  Scheduler,
  Store,
} from "@slipway/core";
import { openEngine } from "@slipway/engine";
import { redisKeys } from "@slipway/protocol";
import type { RedisKeys } from "@slipway/protocol";
import { openHousekeeping } from "@slipway/queue";
import type { Housekeeping } from "@slipway/queue";
import type { BuildpackCatalogue } from "@slipway/buildpacks";
import { openRegistry, openRemoteImages } from "@slipway/registry";
import type { Logger, Stack } from "@slipway/service";
import { openBlobs, openStore } from "@slipway/store";
import { readCatalogue } from "./buildpacks/read-catalogue.ts";
import { openRemoteBuildpacks } from "./buildpacks/remote-buildpacks.ts";
import type { RemoteBuildpacks } from "./buildpacks/remote-buildpacks.ts";
import type { WorkerConfig } from "./config.ts";
import { openPullLimit } from "./deployments/builders/pull-limit.ts";
import type { CheckPull } from "./deployments/builders/pull-limit.ts";
import type { LanguageToolchains } from "./deployments/language-toolchains.ts";
import { openGoToolchain } from "./deployments/go-toolchain.ts";
import { openNodeToolchain } from "./deployments/node-toolchain.ts";
import type { NodeToolchainOptions } from "./deployments/node-toolchain.ts";
import { openPhpToolchain } from "./deployments/php-toolchain.ts";
import { openPythonToolchain } from "./deployments/python-toolchain.ts";
import { openRubyToolchain } from "./deployments/ruby-toolchain.ts";
import { openToolchainImages } from "./deployments/toolchain-images.ts";
import { openImagePackages } from "./deployments/image-packages.ts";
import type { ImagePackages } from "./deployments/image-packages.ts";
import { openReceiptKey } from "./deployments/receipt-key.ts";
import type { CurrentReceiptKey } from "./deployments/receipt-key.ts";
import { openScheduler } from "./deployments/scheduler.ts";
import { openQuotaCache } from "./quota-cache.ts";
import { openTemporaryFolder } from "./temporary-folder.ts";

export interface WorkerContext {
  readonly config: WorkerConfig;
  readonly logger: Logger;
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly redis: RedisConnection;
  readonly keys: RedisKeys;
  readonly engine: BuildEngine;
  readonly imageBuilder: ImageBuilder;
  readonly registry: ImageRegistry;
  /** For writes to the registry that do not use `registry`: by an engine, and by the programs of a build. */
  readonly registryWrites: RegistryWrites;
  readonly scheduler: Scheduler;
  /** Toolchains of the default stack. */
  readonly toolchains: LanguageToolchains;
  /** Toolchains by the stack's name. */
  readonly stackToolchains: ReadonlyMap<string, LanguageToolchains>;
  readonly remoteBuildpacks: RemoteBuildpacks;
  readonly remoteImages: RemoteImages;
  readonly receiptKey: CurrentReceiptKey;
  readonly imagePackages: ImagePackages;
  readonly housekeeping: Pick<Housekeeping, "request">;
  /** The path of this process's folder for temporary files. */
  readonly temporaryFolder: string;
  /** Checks an image that a user named before an engine pulls it. */
  readonly checkPull: CheckPull;
  /** Content of the operator's CA bundle; null when there is none. */
  readonly caBundle: Buffer | null;
  /** The operator's buildpacks. */
  readonly catalogue: BuildpackCatalogue;
  readonly now: () => Date;
}

/** @param opened closes all dependencies that this function opens. */
export async function openWorkerContext(
  config: WorkerConfig,
  logger: Logger,
  opened: AsyncDisposableStack,
): Promise<WorkerContext> {
  const { redisUrl, build } = config;
  const onError = (error: unknown, message: string) => logger.warn({ err: error }, message);
  const redis = opened.adopt(openRedis(redisUrl, { maxRetriesPerRequest: null }), (client) =>
    client.disconnect(),
  );
  redis.on("error", (error) => onError(error, "the connection to Redis failed"));
  const keys = redisKeys(config.installationId);
  const { builds, releases, nodes } = engineConnections(config);
  const { runtimes } = config;
  const quotaCache = openQuotaCache(redis, keys);
  const { stackImage: watchImage } = config;
  const running = { ...releases, ...runtimeOf(runtimes.releases), quotaCache, watchImage, nodes };
  const { registry, registryWrites } = openRegistryClient(config, { redis, keys, onError });
  opened.use(registry);
  const blobs = opened.use(await openBlobs({ url: config.blobsUrl, onError }));
  const now = () => new Date();
  const store = opened.use(await openStore({ databaseUrl: config.databaseUrl }));
  const { path: temporaryFolder } = opened.use(await openTemporaryFolder({ onError }));
  const engine = opened.use(openEngine({ ...builds, ...runtimeOf(runtimes.builds), quotaCache }));
  const caBundle = build.caBundlePath === undefined ? null : await readFile(build.caBundlePath);
  const parts = { registry, blobs, engine, caBundle, now, onError };
  const toolchains = openLanguageToolchains(config, config.stacks[0], parts);
  return {
    config,
    logger,
    redis,
    keys,
    housekeeping: opened.use(openHousekeeping({ redisUrl, keys, onError })),
    store,
    receiptKey: openReceiptKey({ from: config.receiptKey, receipts: store.receipts, now }),
    imagePackages: openImagePackages({ registry, maxLayerBytes: config.limits.imageBytes, logger }),
    blobs,
    engine,
    temporaryFolder,
    imageBuilder: opened.use(openImageBuilder({ ...builds, onError })),
    registry,
    registryWrites,
    scheduler: opened.use(await openScheduler(config, running)),
    toolchains,
    stackToolchains: openStackToolchains(config, toolchains, parts),
    remoteImages: openRemoteImages(remoteImagesOptions(config)),
    remoteBuildpacks: await openRemoteBuildpacks({
      ...remoteBuildpacksOptions(config),
      temporaryFolder,
      onError,
    }),
    checkPull: openPullLimit({ config, now }),
    caBundle,
    catalogue: await readCatalogue(config),
    now,
  };
}

/** The registry client. Its writes wait during garbage collection. */
function openRegistryClient(
  { registry: { url, pullHost } }: WorkerConfig,
  { redis, keys, onError }: Pick<WorkerContext, "redis" | "keys"> & Pick<NodeToolchainOptions, "onError">,
) {
  const registryWrites = openRegistryWrites({
    redis,
    keys,
    onError: (error) => onError(error, "a heartbeat of a write to the registry failed"),
  });
  const write: RegistryWrites["during"] = (work, signal, onHeld) =>
    registryWrites.during(work, signal, onHeld);
  const registry = openRegistry({ url, write, ...(pullHost === undefined ? {} : { pullHost }) });
  return { registry, registryWrites };
}

/** @param first the toolchains of the first stack, the default one. */
function openStackToolchains(
  config: WorkerConfig,
  first: LanguageToolchains,
  parts: Parameters<typeof openLanguageToolchains>[2],
): WorkerContext["stackToolchains"] {
  const toolchainsOf = (stack: Stack, index: number) =>
    index === 0 ? first : openLanguageToolchains(config, stack, parts);
  return new Map(config.stacks.map((stack, index) => [stack.name, toolchainsOf(stack, index)]));
}

function openLanguageToolchains(
  { build }: WorkerConfig,
  { run: stackImage, build: stackBuildImage }: Stack,
  parts: Pick<WorkerContext, "registry" | "blobs" | "engine" | "caBundle" | "now"> &
    Pick<NodeToolchainOptions, "onError">,
): LanguageToolchains {
  const ensureImages = openToolchainImages({ ...parts, stackImage, stackBuildImage });
  const { npmRegistry, pythonIndex, pythonMirror, goProxy, goChecksumDatabase } = build;
  return {
    nodejs: openNodeToolchain({ ...parts, npmRegistry, ensureImages }),
    python: openPythonToolchain({ ...parts, pythonIndex, pythonMirror, stackImage, ensureImages }),
    go: openGoToolchain({ ...parts, goProxy, goChecksumDatabase, ensureImages }),
    php: openPhpToolchain({ ...parts, build, stackImage, ensureImages }),
    ruby: openRubyToolchain({ ...parts, build, stackImage, ensureImages }),
  };
}

/** The connections to the engines of builds and of releases, and to a swarm's other nodes. */
export function engineConnections(config: WorkerConfig) {
  return {
    builds: engineOptions(config, config.engine.dockerHost),
    releases: engineOptions(config, config.scheduler.dockerHost),
    nodes: config.scheduler.nodeDockerHosts.map((host) => engineOptions(config, host)),
  };
}

function remoteImagesOptions({ limits, timing, allowedPrivateHosts }: WorkerConfig) {
  return { allowedPrivateHosts, timeoutMs: timing.sourceTimeoutMs, maxImageBytes: limits.imageBytes };
}

function remoteBuildpacksOptions({ limits, timing, build, allowedPrivateHosts }: WorkerConfig) {
  return {
    allowedPrivateHosts,
    mirrors: build.buildpackMirrors,
    limits: { maxUnpackedBytes: limits.sourceBytes, maxEntries: limits.sourceEntries },
    timeoutMs: timing.sourceTimeoutMs,
  };
}

function runtimeOf(runtime: string | undefined): { runtime?: string } {
  return runtime === undefined ? {} : { runtime };
}

/** The options of an engine's connection: its address, the installation, and the login for pulling images. */
function engineOptions(config: WorkerConfig, dockerHost: string | undefined) {
  const registryAuth = registryAuthOf(config.registry);
  return {
    installationId: config.installationId,
    ...(dockerHost === undefined ? {} : { dockerHost }),
    ...(registryAuth === undefined ? {} : { registryAuth }),
  };
}

/** @returns undefined when the registry's URL contains no login. */
function registryAuthOf({ url, pullHost }: WorkerConfig["registry"]) {
  const { username, password, host } = new URL(url);
  if (username === "") return undefined;
  return {
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
    serverAddress: pullHost ?? host,
  };
}
