// Containers in which the stack's package manager lists and unpacks packages. Like build containers, they have no root user and no
// capabilities, and their egress is guarded.

import { createHash } from "node:crypto";
import { entriesTar } from "@slipway/archive";
import type { ExtraEntry } from "@slipway/archive";
import { caVariables, packagesScript } from "@slipway/buildpacks";
import { label, SlipwayError } from "@slipway/core";
import type { BuildEngine, Sandbox } from "@slipway/core";
import type { PackageContainers } from "@slipway/toolchains";
import type { WorkerConfig } from "../config.ts";
import { workDir } from "./build-sandbox.ts";
import type { Announcements } from "./announcements.ts";

export interface PackageContainersOptions {
  readonly engine: Pick<BuildEngine, "createSandbox">;
  readonly build: Pick<WorkerConfig["build"], "memoryBytes" | "cpus" | "pids" | "tmpfsBytes" | "diskBytes">;
  /** Content of the operator's CA bundle; null when there is none. */
  readonly caBundle: Buffer | null;
  /** Reference of the stack's run image. */
  readonly stackImage: string;
  readonly announcements: Announcements;
  readonly now: () => Date;
}

/** The command of a container, and its files. */
interface Task {
  readonly script: string;
  readonly arguments: readonly string[];
  readonly files: Readonly<Record<string, Uint8Array>>;
  /** The name of the task in errors. */
  readonly title: string;
}

/** The time limit of each container. */
const timeoutMs = 15 * 60_000;
/** How long a container is kept that its worker did not remove. This includes the time to download its files. */
const keptMs = 2 * timeoutMs;
/** Exit code of the script `list` in a stack without a package manager. */
const noPackageManager = 3;
const maxMessageLength = 1000;
const caBundlePath = "ca/bundle.pem";
const packagesPath = "packages";

export function openPackageContainers(options: PackageContainersOptions): {
  /** Digest of the unpacking method. */
  readonly layout: string;
  readonly containers: PackageContainers;
} {
  const scripts = { list: packagesScript("list"), unpack: packagesScript("unpack") };
  return {
    layout: createHash("sha256").update(scripts.unpack).digest("hex"),
    containers: {
      async list({ run, build }, signal) {
        using _ = options.announcements.announce("-----> Looking up packages of the stack's distribution");
        const title = "list the packages of the stack's distribution";
        const task = { script: scripts.list, arguments: [...run, "--", ...build], files: {}, title };
        await using ran = await runTask(options, task, signal);
        return ran.output;
      },
      async *unpack(packages, language, signal) {
        using _ = options.announcements.announce(
          `-----> Downloading ${packages.length} packages, once for all apps of the stack`,
        );
        const lines = packages.map(({ name, sha256, url }) => `${name} ${sha256} ${url}\n`).join("");
        const task = {
          script: scripts.unpack,
          arguments: language === null ? [] : [language],
          files: { [packagesPath]: Buffer.from(lines) },
          title: "download and unpack packages of the stack's distribution",
        };
        await using ran = await runTask(options, task, signal);
        yield* await ran.sandbox.download(`${workDir}/root`, signal);
      },
    },
  };
}

interface Ran extends AsyncDisposable {
  readonly sandbox: Sandbox;
  /** The container's output on stdout. */
  readonly output: string;
}

/** @throws {SlipwayError} "toolchain-unavailable" with the end of the script's output; "configuration-invalid". */
async function runTask(options: PackageContainersOptions, task: Task, signal: AbortSignal): Promise<Ran> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const bounded = AbortSignal.any([signal, timeout]);
  await using owned = new AsyncDisposableStack();
  try {
    const sandbox = owned.use(await createTask(options, task, bounded));
    const output: Uint8Array[] = [];
    const errors: Uint8Array[] = [];
    const exit = await sandbox.run({
      onOutput: (bytes) => void output.push(bytes),
      onError: (bytes) => void errors.push(bytes),
      signal: bounded,
    });
    if (exit.exitCode !== 0 || exit.diskFull)
      throw failure(task, exit, Buffer.concat(errors).toString("utf8"));
    const resources = owned.move();
    return {
      sandbox,
      output: Buffer.concat(output).toString("utf8"),
      [Symbol.asyncDispose]: () => resources.disposeAsync(),
    };
  } catch (error) {
    if (!timeout.aborted || signal.aborted || error instanceof SlipwayError) throw error;
    const minutes = timeoutMs / 60_000;
    throw new SlipwayError(
      "toolchain-unavailable",
      `It took longer than ${minutes} minutes to ${task.title}.`,
      {
        cause: error,
      },
    );
  }
}

async function createTask(
  { engine, build, caBundle, stackImage, now }: PackageContainersOptions,
  task: Task,
  signal: AbortSignal,
): Promise<Sandbox> {
  const { memoryBytes, cpus, pids, tmpfsBytes, diskBytes } = build;
  await using owned = new AsyncDisposableStack();
  const sandbox = owned.use(
    await engine.createSandbox(
      {
        image: stackImage,
        command: ["/bin/bash", "-c", task.script, "packages", ...task.arguments],
        environment: caBundle === null ? {} : caVariables(`${workDir}/${caBundlePath}`),
        // The container belongs to no app: all builds that wait for the packages need it, even when one of these builds ends.
        labels: { [label.expiresAt]: String(now().getTime() + keptMs) },
        limits: { memoryBytes, cpus, pids, tmpfsBytes, diskBytes },
      },
      signal,
    ),
  );
  const files = { ...task.files, ...(caBundle === null ? {} : { [caBundlePath]: caBundle }) };
  const entries = Object.entries(files).map(([name, content]): ExtraEntry => ({
    kind: "file",
    name,
    mode: 0o644,
    content,
  }));
  await sandbox.upload(workDir, entriesTar(entries, signal), signal);
  owned.move();
  return sandbox;
}

function failure(
  { title }: Task,
  { exitCode, diskFull }: { readonly exitCode: number; readonly diskFull: boolean },
  errors: string,
): SlipwayError {
  const output = errors.trim().slice(-maxMessageLength);
  if (exitCode === noPackageManager)
    return new SlipwayError("configuration-invalid", `It is not possible to ${title}: ${output}.`);
  const reason = diskFull
    ? "there is not enough disk space (BUILD_DISK_MB)"
    : output || `exit code ${exitCode}`;
  return new SlipwayError("toolchain-unavailable", `It is not possible to ${title}: ${reason}`);
}
