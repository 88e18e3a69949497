// The ImageBuilder port on an engine's own BuildKit: POST /build with version 2, and a session for secrets.

import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { withDeadline } from "@slipway/async";
import { imageProcess, SlipwayError } from "@slipway/core";
import type { BuildReports, ImageBuild, ImageBuilder, LocalImage } from "@slipway/core";
import {
  callEngine,
  connectDocker,
  engineError,
  loginOrEmpty,
  requestStream,
  statusOf,
} from "@slipway/docker";
import type { DockerConnection, DockerConnectionOptions } from "@slipway/docker";
import { buildFailure } from "./build-failure.ts";
import { messagesOf } from "./messages.ts";
import { openBuild } from "./open-build.ts";
import { engineTime, type Made, removeResults } from "./step-watch/remove-results.ts";
import { unmeasuredDriver, watchSteps } from "./step-watch/step-watch.ts";
import type { Trace } from "./trace.ts";
import { TraceLog } from "./trace-log.ts";

/** Time limit for the start of the engine's response, which begins after it has read the context. */
const openLimitMs = 600_000;
const cancelLimitMs = 10_000;
/** An engine with many images takes minutes to list them, and lists them for one client at a time. */
const removalLimitMs = 300_000;
const traceId = "moby.buildkit.trace";

export interface ImageBuilderOptions extends DockerConnectionOptions {
  /** Receives failures after a build that do not affect its result. */
  readonly onError: (error: unknown, message: string) => void;
}

/** Uses an engine of version 20.10 or later. */
export function openImageBuilder({ onError, ...options }: ImageBuilderOptions): ImageBuilder {
  const connection = connectDocker(options);
  return {
    build: (build, reports) => buildImage({ ...connection, onError }, build, reports),
    unmeasuredDriver: (signal) => unmeasuredDriver(connection, signal),
    async push(reference, signal) {
      const digest = await push(connection, reference, signal);
      await keepByDigest(connection, reference, digest, signal);
      return digest;
    },
    async remove(reference, digest, signal) {
      await removeImage(connection, reference, signal);
      if (digest !== null) await connection.images.remove(repositoryOf(reference), digest, signal);
    },
    [Symbol.dispose]: () => connection[Symbol.dispose](),
  };
}

type BuildConnection = DockerConnection & Pick<ImageBuilderOptions, "onError">;

async function buildImage(
  connection: BuildConnection,
  build: ImageBuild,
  reports: BuildReports,
): Promise<LocalImage> {
  const { openSession, decodeTrace } = await loadWire();
  const id = randomUUID();
  const startedAt = await engineTime(connection.docker, reports.signal);
  const { steps: limits, cacheScope } = build;
  const options = { limits, cacheScope, onError: connection.onError, signal: reports.signal };
  await using watch = await watchSteps(connection, options);
  await using session = await openSession(connection, build.secrets, reports.signal);
  const context = contextOf(build);
  try {
    const open = () => openBuild(connection, context.stream, queryOf(build, id, session.id));
    const signal = AbortSignal.any([reports.signal, watch.signal]);
    const response = await requestStream("begin a build", open, { signal, limitMs: openLimitMs });
    await follow(response, decodeTrace, { ...reports, signal });
    await watch.finish(reports.signal);
  } catch (error) {
    // The engine also ends a build whose client disconnects, but later.
    await cancel(connection, id);
    context.rethrow();
    reports.signal.throwIfAborted();
    const made = { since: startedAt, commands: watch.commands };
    if (watch.signal.aborted) await tryToRemove(connection, made, reports.signal);
    watch.signal.throwIfAborted();
    throw error instanceof SlipwayError ? error : engineError("build an image", error);
  } finally {
    context.stream.destroy();
  }
  // Awaited here, because the resources would be disposed of otherwise.
  return await inspect(connection, build, reports.signal);
}

/** Failures are only logged: the caller reports why the build ended. */
async function tryToRemove({ docker, onError }: BuildConnection, made: Made, signal: AbortSignal) {
  const remove = (within: AbortSignal) => removeResults(docker, made, within);
  try {
    await withDeadline(remove, { limitMs: removalLimitMs, signal });
  } catch (error) {
    onError(error, "cannot remove from the engine what a build wrote");
  }
}

/** The context as a stream that records its own failure, because the client reports it as a connection error. */
function contextOf({ context }: ImageBuild) {
  const failure: { reason?: unknown } = {};
  const stream = Readable.from(context, { objectMode: false });
  stream.on("error", (error) => (failure.reason = error));
  return {
    stream,
    rethrow: () => {
      if (failure.reason instanceof SlipwayError) throw failure.reason;
    },
  };
}

function queryOf(build: ImageBuild, id: string, session: string): Readonly<Record<string, string>> {
  const { reference, dockerfile, target, cacheScope, cgroupParent } = build;
  return {
    t: reference,
    dockerfile,
    // The namespace applies to cache mounts, and is no argument of the Dockerfile.
    buildargs: JSON.stringify({ ...build.arguments, BUILDKIT_CACHE_MOUNT_NS: cacheScope }),
    // BuildKit reuses a command's result only with the same extra hosts.
    extrahosts: `cache-${cacheScope}:127.0.0.1`,
    labels: JSON.stringify(build.labels),
    ...(target === null ? {} : { target }),
    ...(cgroupParent === null ? {} : { cgroupparent: cgroupParent }),
    version: "2",
    buildid: id,
    session,
  };
}

/** gRPC and protobuf take megabytes of memory, and only builds of Dockerfiles need them. */
async function loadWire() {
  const [{ openSession }, { decodeTrace }] = await Promise.all([
    import("./session.ts"),
    import("./trace.ts"),
  ]);
  return { openSession, decodeTrace };
}

async function follow(
  response: Readable,
  decodeTrace: (bytes: Uint8Array) => Trace,
  { onOutput, onProgress, checkStep, signal }: BuildReports,
): Promise<void> {
  const log = new TraceLog();
  const abort = () => response.destroy(signal.reason as Error);
  signal.addEventListener("abort", abort, { once: true });
  let isBuilt = false;
  try {
    for await (const { id, aux, error } of messagesOf(response)) {
      onProgress();
      if (error !== undefined) throw buildFailure(error, log.failed());
      if (id === "moby.image.id") isBuilt = true;
      if (id !== traceId) continue;
      const trace = decodeTrace(Buffer.from(aux as string, "base64"));
      for (const { name } of trace.vertexes) await checkStep(name);
      const text = log.read(trace);
      if (text.length > 0) await onOutput(text);
    }
  } finally {
    signal.removeEventListener("abort", abort);
    response.destroy();
  }
  signal.throwIfAborted();
  if (!isBuilt)
    throw new SlipwayError("engine-unavailable", "the Docker Engine ended a build without a result");
}

/** Failures are ignored: the caller reports why the build ended. */
async function cancel({ docker }: DockerConnection, id: string): Promise<void> {
  const options = { path: `/build/cancel?id=${id}`, method: "POST", statusCodes: { 200: true, 204: true } };
  const request = () => new Promise<void>((resolve) => docker.modem.dial(options, () => resolve()));
  await callEngine("cancel a build", request, { limitMs: cancelLimitMs }).catch(() => undefined);
}

async function inspect(
  { docker }: DockerConnection,
  { reference, labels }: Pick<ImageBuild, "reference" | "labels">,
  signal: AbortSignal,
): Promise<LocalImage> {
  const request = () => docker.getImage(reference).inspect();
  const { Size, Config } = await callEngine("inspect an image", request, { signal });
  return { sizeBytes: Size, ...imageProcess(Config, labels) };
}

async function push(
  { docker, registryAuth }: DockerConnection,
  reference: string,
  signal: AbortSignal,
): Promise<string> {
  const authconfig = loginOrEmpty(reference, registryAuth);
  const begin = () =>
    docker.getImage(reference).push({ authconfig, abortSignal: signal }) as Promise<Readable>;
  const response = await requestStream(`push ${reference}`, begin, { signal });
  let digest: string | undefined;
  try {
    for await (const { aux, error } of messagesOf(response)) {
      if (error !== undefined)
        throw new SlipwayError("registry-unavailable", `the image ${reference} cannot be pushed: ${error}`);
      digest = (aux as { Digest?: string } | undefined)?.Digest ?? digest;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw engineError(`push ${reference}`, error);
  } finally {
    response.destroy();
  }
  if (digest !== undefined) return digest;
  throw new SlipwayError(
    "engine-unavailable",
    `the Docker Engine ended the push of ${reference} without a digest`,
  );
}

/**
 * Leaves the image on the engine as if it had been pulled: without a tag. Housekeeping finds and removes images by digest, and a
 * tag would keep them. The engine removes digests together with the last tag of their repository, so another tag keeps the image
 * until the engine has read the digest from the registry, which transfers no layers.
 */
async function keepByDigest(
  connection: DockerConnection,
  reference: string,
  digest: string,
  signal: AbortSignal,
): Promise<void> {
  const { docker, images } = connection;
  const holder = { repo: "slipway-built", tag: randomUUID() };
  const tag = () => docker.getImage(reference).tag(holder);
  await callEngine("tag an image", tag, { signal });
  try {
    await removeImage(connection, reference, signal);
    await images.ensure(`${repositoryOf(reference)}@${digest}`, signal);
  } finally {
    // Also after an abort: no other code knows the tag.
    await removeImage(connection, `${holder.repo}:${holder.tag}`);
  }
}

function repositoryOf(reference: string): string {
  return reference.slice(0, reference.lastIndexOf(":"));
}

async function removeImage(
  { docker }: DockerConnection,
  reference: string,
  signal?: AbortSignal,
): Promise<void> {
  try {
    const request = (abortSignal: AbortSignal) => docker.getImage(reference).remove({ abortSignal });
    await callEngine("remove an image", request, { signal });
  } catch (error) {
    if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
  }
}
