// Watches how much the steps of a build write, which the engine does not limit: a container beside the engine measures it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { untilAborted, withDeadline } from "@slipway/async";
import { type StepLimits, SlipwayError, bytesPerFile, countSeconds, mebibytesText } from "@slipway/core";
import {
  callEngine,
  type DockerConnection,
  hostReadingContainer,
  removeContainer,
  type StartedProcess,
  startProcess,
  statusOf,
} from "@slipway/docker";

const script = readFileSync(join(import.meta.dirname, "step-watch.pl"), "utf8");
const memoryBytes = 128 * 1024 ** 2;
/** The watch writes a line every ten seconds, and after each measurement. */
const silenceLimitMs = 180_000;
/** Storage drivers whose layout of step files the watch knows. */
const drivers = new Set(["overlay2", "overlayfs", "btrfs"]);
const removalMs = 60_000;

/** A running watch. Disposing it removes its container unless it has finished; a failure to remove it is reported, and does not reject. */
export interface RunningWatch extends AsyncDisposable {
  /** Aborts with "build-disk-full" when the steps wrote too much or too many files to count, "engine-unavailable" when measuring fails. */
  readonly signal: AbortSignal;
  /** The commands of the steps that have begun: their arguments, joined by spaces. */
  readonly commands: ReadonlySet<string>;
  /** Measures once more, after the build; the container ends then. @throws {SlipwayError} as `signal`; the given signal's reason. */
  finish(signal: AbortSignal): Promise<void>;
}

/**
 * @returns the engine's storage driver if it prevents measuring what steps write; null otherwise.
 * @throws {SlipwayError} "engine-unavailable"; the signal's reason.
 */
export async function unmeasuredDriver(
  { docker }: DockerConnection,
  signal: AbortSignal,
): Promise<string | null> {
  const { Driver } = await storageOf(docker, signal);
  return drivers.has(Driver) ? null : Driver;
}

interface WatchOptions {
  readonly limits: StepLimits;
  /** Scope of the build's cache, by which its steps are recognized. */
  readonly cacheScope: string;
  /** Receives failures after the build that do not affect its result. */
  readonly onError: (error: unknown, message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Resolves when all steps that begin later will be seen. Engines with other storage drivers are not watched.
 * @throws {SlipwayError} "engine-unavailable"; the signal's reason.
 */
export async function watchSteps(
  { docker, images }: DockerConnection,
  { limits, cacheScope, onError, signal }: WatchOptions,
): Promise<RunningWatch> {
  const { Driver, DockerRootDir } = await storageOf(docker, signal);
  if (!drivers.has(Driver)) return unwatched();
  await images.ensure(limits.watchImage, signal);
  const numbers = [limits.diskBytes, countSeconds, bytesPerFile].map(String);
  const parameters = [DockerRootDir, cacheScope, ...numbers];
  await using opened = new AsyncDisposableStack();
  // Without the signal, because an aborted call could leave behind a container whose id is unknown.
  const { id } = await callEngine("create the watch of a build's steps", () =>
    docker.createContainer(watchConfig(limits, parameters)),
  );
  let isDone = false;
  // The engine removes an ended container by itself. A remaining one ends with its process, and housekeeping removes it.
  opened.defer(async () => {
    if (isDone) return;
    await withDeadline(removeContainer(docker, id), { limitMs: removalMs }).catch((error: unknown) =>
      onError(error, "cannot remove the watch of a build's steps"),
    );
  });
  const process = opened.use(await startProcess(docker, id, { signal }));
  const [begun, over] = [Promise.withResolvers<void>(), new AbortController()];
  const commands = new Set<string>();
  const ended = follow(process, { diskBytes: limits.diskBytes, commands, onBegin: begun.resolve });
  ended.catch((error: unknown) => over.abort(error));
  await untilAborted(Promise.race([begun.promise, ended]), signal);
  const owned = opened.move();
  return {
    signal: over.signal,
    commands,
    async finish(until) {
      const request = () => docker.getContainer(id).kill({ signal: "SIGUSR1" });
      const asked = callEngine("measure what steps wrote", request).catch(unlessEnded);
      await untilAborted(Promise.all([ended, asked]), until);
      isDone = true;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function storageOf(docker: DockerConnection["docker"], signal: AbortSignal) {
  const info = await callEngine("return its storage", () => docker.info(), { signal });
  return info as { readonly Driver: string; readonly DockerRootDir: string };
}

function unwatched(): RunningWatch {
  const { signal } = new AbortController();
  return { signal, commands: new Set(), finish: async () => {}, [Symbol.asyncDispose]: async () => {} };
}

/** Ignores the engine's errors about an ended container: a watch ends by itself after it has reported that a step wrote too much. */
function unlessEnded(error: unknown): void {
  if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
}

interface Watched {
  readonly diskBytes: number;
  /** The set to which the commands of steps are added. */
  readonly commands: Set<string>;
  readonly onBegin: () => void;
}

/** Reads the watch's reports up to its last measurement. */
async function follow(process: StartedProcess, { diskBytes, commands, onBegin }: Watched): Promise<void> {
  using timeout = setTimeout(() => process[Symbol.dispose](), silenceLimitMs);
  let [partial, hasBegun] = ["", false];
  for await (const chunk of process.output) {
    timeout.refresh();
    const lines = (partial + Buffer.from(chunk).toString()).split("\n");
    partial = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "watching") {
        hasBegun = true;
        onBegin();
      }
      if (line.startsWith("step ")) commands.add(commandOf(line.slice("step ".length)));
      if (line === "done") return;
      if (line === "full") throw diskFull(diskBytes);
      if (line === "slow") throw tooMuchToCount();
      if (line.startsWith("blind ")) throw notMeasured(line.slice("blind ".length), hasBegun);
    }
  }
  throw notMeasured("the container that measures it ended", hasBegun);
}

/** @param argumentsJson a JSON array of strings, from the configuration that the engine wrote. */
function commandOf(argumentsJson: string): string {
  return (JSON.parse(argumentsJson) as readonly string[]).join(" ");
}

function diskFull(diskBytes: number): SlipwayError {
  const limit = `${mebibytesText(diskBytes)} (BUILD_DISK_MB)`;
  return new SlipwayError(
    "build-disk-full",
    `the steps of the Dockerfile wrote more than ${limit}, with what their cache mounts contain; the build was ended`,
  );
}

/** Caused by millions of files. The time limit does not depend on the load of the engine's disk, so the message names the load too. */
function tooMuchToCount(): SlipwayError {
  return new SlipwayError(
    "build-disk-full",
    "what the steps of the Dockerfile wrote could not be measured in time, because of too many files or open files, or because the engine's disk is slow; the build was ended",
  );
}

function notMeasured(reason: string, hasBegun: boolean): SlipwayError {
  const advice = hasBegun
    ? ""
    : ". The engine must run containers in the process namespace of its host: the section Dockerfiles of docs/security.md lists what the measurement requires";
  return new SlipwayError(
    "engine-unavailable",
    `what the steps of a Dockerfile write cannot be measured on the build engine: ${reason}${advice}`,
  );
}

/** The watch reads the engine's folders and the steps' open files, through the processes of the engine's host. */
function watchConfig({ watchImage, labels }: StepLimits, parameters: readonly string[]) {
  const { HostConfig, ...common } = hostReadingContainer(memoryBytes, ["SYS_PTRACE"]);
  return {
    ...common,
    Image: watchImage,
    Entrypoint: ["perl", "-e", script],
    Cmd: [...parameters],
    Labels: labels,
    HostConfig: {
      ...HostConfig,
      PidMode: "host",
      // AppArmor's default profile hides processes with another profile.
      SecurityOpt: [...HostConfig.SecurityOpt, "apparmor=unconfined"],
    },
  };
}
