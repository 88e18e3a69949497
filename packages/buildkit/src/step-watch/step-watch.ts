// Watches what the steps of a build write, which the engine does not limit: a container beside the engine measures it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { untilAborted } from "@slipway/async";
import { type StepLimits, SlipwayError } from "@slipway/core";
import {
  callEngine,
  type DockerConnection,
  removeContainer,
  securityOptions,
  type StartedProcess,
  startProcess,
  statusOf,
} from "@slipway/docker";

const script = readFileSync(join(import.meta.dirname, "step-watch.pl"), "utf8");
const memoryBytes = 128 * 1024 ** 2;
/** Limit of one look, at the bytes or at the inodes. */
const countSeconds = 45;
/** The watch writes a line every ten seconds, and after its looks. */
const silenceLimitMs = 180_000;
/** Storage drivers of which the watch knows where a step's files are. */
const drivers = new Set(["overlay2", "overlayfs", "btrfs"]);

/** A watch that runs. Disposing it removes its container. */
export interface RunningWatch extends AsyncDisposable {
  /** Aborts with "build-disk-full" when the steps wrote too much, and with "engine-unavailable" when that cannot be measured. */
  readonly signal: AbortSignal;
  /** Measures once more, after the build. @throws {SlipwayError} as `signal`; the given signal's reason. */
  finish(signal: AbortSignal): Promise<void>;
}

/**
 * Resolves when steps that begin from now on are seen. On engines with other storage drivers nothing is watched.
 * @param cacheScope of the build, by which its steps are recognized.
 * @throws {SlipwayError} "engine-unavailable"; the signal's reason.
 */
export async function watchSteps(
  { docker, images }: DockerConnection,
  limits: StepLimits,
  cacheScope: string,
  signal: AbortSignal,
): Promise<RunningWatch> {
  const { Driver, DockerRootDir } = (await callEngine("return its storage", () => docker.info(), {
    signal,
  })) as { readonly Driver: string; readonly DockerRootDir: string };
  if (!drivers.has(Driver)) return unwatched();
  await images.ensure(limits.watchImage, signal);
  const parameters = [DockerRootDir, cacheScope, String(limits.diskBytes), String(countSeconds)];
  await using opened = new AsyncDisposableStack();
  // Without the signal, because an aborted call could leave behind a container whose id is unknown.
  const { id } = await callEngine("create the watch of a build's steps", () =>
    docker.createContainer(watchConfig(limits, parameters)),
  );
  opened.defer(() => removeContainer(docker, id));
  const process = opened.use(await startProcess(docker, id, { signal }));
  const [begun, over] = [Promise.withResolvers<void>(), new AbortController()];
  const ended = follow(process, limits.diskBytes, begun.resolve);
  ended.catch((error: unknown) => over.abort(error));
  await untilAborted(Promise.race([begun.promise, ended]), signal);
  const owned = opened.move();
  return {
    signal: over.signal,
    async finish(until) {
      const request = () => docker.getContainer(id).kill({ signal: "SIGUSR1" });
      const asked = callEngine("measure what steps wrote", request).catch(unlessEnded);
      await untilAborted(Promise.all([ended, asked]), until);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function unwatched(): RunningWatch {
  const { signal } = new AbortController();
  return { signal, finish: async () => {}, [Symbol.asyncDispose]: async () => {} };
}

/** The watch ends by itself when a step wrote too much, and says so. */
function unlessEnded(error: unknown): void {
  if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
}

/** Reads what the watch reports until its last look. */
async function follow(process: StartedProcess, diskBytes: number, onBegin: () => void): Promise<void> {
  using timeout = setTimeout(() => process[Symbol.dispose](), silenceLimitMs);
  let partial = "";
  for await (const chunk of process.output) {
    timeout.refresh();
    const lines = (partial + Buffer.from(chunk).toString()).split("\n");
    partial = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "watching") onBegin();
      if (line === "done") return;
      if (line === "full") throw diskFull(diskBytes);
      if (line.startsWith("blind ")) throw notMeasured(line.slice("blind ".length));
    }
  }
  throw notMeasured("the container that measures it ended");
}

function diskFull(diskBytes: number): SlipwayError {
  const limit = `${Math.floor(diskBytes / 1024 ** 2)} MiB (BUILD_DISK_MB)`;
  return new SlipwayError(
    "build-disk-full",
    `the steps of the Dockerfile wrote more than ${limit}, with what their cache mounts contain; the build was ended, and what it wrote was removed`,
  );
}

function notMeasured(reason: string): SlipwayError {
  return new SlipwayError(
    "engine-unavailable",
    `what the steps of a Dockerfile write cannot be measured on the build engine: ${reason}`,
  );
}

/** It reads the engine's folders and the open files of steps, through the processes of the engine's host. */
function watchConfig({ watchImage, labels }: StepLimits, parameters: readonly string[]) {
  return {
    Image: watchImage,
    Entrypoint: ["perl", "-e", script],
    Cmd: [...parameters],
    User: "0:0",
    WorkingDir: "/",
    Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"],
    Labels: labels,
    Tty: false,
    AttachStdout: true,
    AttachStderr: true,
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      PidMode: "host",
      // Engines that map users refuse the host's processes otherwise.
      UsernsMode: "host",
      NetworkMode: "none",
      CapDrop: ["ALL"],
      CapAdd: ["DAC_READ_SEARCH", "SYS_PTRACE"],
      // The default profile of AppArmor hides processes that have another one.
      SecurityOpt: [...securityOptions, "apparmor=unconfined"],
      ReadonlyRootfs: true,
      AutoRemove: true,
      PidsLimit: 16,
      Memory: memoryBytes,
      MemorySwap: memoryBytes,
      LogConfig: { Type: "none", Config: {} },
    },
  };
}
