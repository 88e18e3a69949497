// Counts the files that containers have in addition to their image's. The engine calculates bytes only, and no engine has a quota for
// files, so a separate container counts in the storage driver's folders: any number of containers per pass, including ended ones.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { elapsed } from "@slipway/async";
import { countSeconds, type Labels, SlipwayError } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine } from "../client.ts";
import type { DockerConnection } from "../connection.ts";
import { duringContainer } from "../during-container.ts";
import { hostReadingContainer } from "../measuring-container.ts";
import type { StartedProcess } from "../process.ts";

const script = readFileSync(join(import.meta.dirname, "file-count.sh"), "utf8");
const memoryBytes = 128 * 1024 ** 2;
/** Storage drivers whose layout of containers' files the script knows, below the engine's folder. */
const layers = new Map([
  ["overlay2", "overlay2"],
  ["btrfs", "btrfs/subvolumes"],
]);
/** A script without output for this long hangs: the pause between two counts takes three times as long as a count. */
const silenceLimitMs = 5 * countSeconds * 1000;
const countLimitMs = 10 * 60_000;
const startDelayMs = 1_000;
const maxFailures = 3;

export interface CountedContainer {
  readonly id: string;
  /** Counting stops above this number. */
  readonly maxFiles: number;
}

export interface FileCounter {
  /** @returns the engine's storage driver if it prevents counting the files of containers; null otherwise. */
  uncountedDriver(): Promise<string | null>;
  /**
   * One pass over all containers, which ends after ten minutes.
   * @returns the number of files by container id; `maxFiles` plus one when there are more, infinity if they cannot be counted in
   * time. Containers that do not exist or were not reached are absent; with an unsupported storage driver, all of them.
   * @throws {SlipwayError} "engine-unavailable" when no container was counted.
   */
  count(containers: readonly CountedContainer[]): Promise<ReadonlyMap<string, number>>;
  /**
   * Counts repeatedly, for at most a quarter of the time.
   * @param container.labels labels of the counting container, which the engine removes when its process ends.
   * @returns true once the container has more than `maxFiles`; false when the signal aborts, when the container no longer exists, or when
   * files could never be counted on this engine: `count` reports that, and no command fails because of it.
   * @throws {SlipwayError} "engine-unavailable" when files cannot be counted any more.
   */
  exceeds(container: CountedContainer & { readonly labels: Labels }, signal: AbortSignal): Promise<boolean>;
}

export interface FileCounterOptions {
  /** Image with bash, coreutils and GNU find; the engine pulls it if necessary. */
  readonly image: string;
  /** Labels of the containers that `count` creates. */
  readonly labels: Labels;
}

/** The first call that needs the storage driver gets it from the engine. */
export function openFileCounter(connection: DockerConnection, options: FileCounterOptions): FileCounter {
  return new LayerCounter(connection, options);
}

interface Storage {
  readonly Driver: string;
  readonly DockerRootDir: string;
}

class LayerCounter implements FileCounter {
  readonly #connection: DockerConnection;
  readonly #options: FileCounterOptions;
  #storage: Promise<Storage> | undefined;
  #hasCounted = false;

  constructor(connection: DockerConnection, options: FileCounterOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  async uncountedDriver(): Promise<string | null> {
    const { Driver } = await this.#found();
    return layers.has(Driver) ? null : Driver;
  }

  async count(containers: readonly CountedContainer[]): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    if (containers.length === 0 || (await this.uncountedDriver()) !== null) return counts;
    const look = { containers, labels: this.#options.labels, mode: "once" } as const;
    try {
      await this.#look(look, AbortSignal.timeout(countLimitMs), async (process) => {
        for await (const { id, files } of countsOf(process)) {
          this.#hasCounted = true;
          counts.set(id, files);
        }
      });
    } catch (error) {
      // Partial counts are useful, for example after a pass that took too long.
      if (counts.size === 0) throw error;
    }
    return counts;
  }

  async exceeds(
    { id, maxFiles, labels }: Parameters<FileCounter["exceeds"]>[0],
    signal: AbortSignal,
  ): Promise<boolean> {
    for (let failures = 0; await elapsed(startDelayMs, signal);) {
      try {
        if ((await this.uncountedDriver()) !== null) return false;
        const look = { containers: [{ id, maxFiles }], labels, mode: "always" } as const;
        return await this.#look(look, signal, async (process) => {
          for await (const { files } of countsOf(process)) {
            this.#hasCounted = true;
            failures = 0;
            if (files > maxFiles) return true;
          }
          return false;
        });
      } catch (error) {
        if (signal.aborted) return false;
        failures += 1;
        if (failures <= maxFailures) continue;
        if (this.#hasCounted) throw error;
        return false;
      }
    }
    return false;
  }

  async #look<T>(
    look: Omit<Look, "image" | "storage">,
    signal: AbortSignal,
    task: (process: StartedProcess) => Promise<T>,
  ): Promise<T> {
    const { docker, images } = this.#connection;
    const { image } = this.#options;
    await images.ensure(image, signal);
    const config = counterConfig({ ...look, image, storage: await this.#found() });
    return await duringContainer(docker, config, signal, async (_id, process) => {
      const end = () => process[Symbol.dispose]();
      signal.addEventListener("abort", end, { once: true });
      try {
        return await task(process);
      } finally {
        signal.removeEventListener("abort", end);
      }
    });
  }

  async #found(): Promise<Storage> {
    this.#storage ??= callEngine("return its storage", () => this.#connection.docker.info()).catch(
      (error: unknown) => {
        this.#storage = undefined;
        throw error;
      },
    ) as Promise<Storage>;
    return await this.#storage;
  }
}

interface FileCount {
  readonly id: string;
  /** Infinity when the files cannot be counted in time. */
  readonly files: number;
}

/** @throws {SlipwayError} "engine-unavailable" when the script was killed, or hangs. */
async function* countsOf(process: StartedProcess): AsyncGenerator<FileCount> {
  using silence = setTimeout(() => process[Symbol.dispose](), silenceLimitMs);
  let [partialLine, isDone] = ["", false];
  for await (const chunk of process.output) {
    silence.refresh();
    const lines = (partialLine + Buffer.from(chunk).toString("latin1")).split("\n");
    partialLine = lines.pop() ?? "";
    for (const line of lines) {
      isDone = line === "done";
      const [, id, files] = /^([0-9a-f]+) (\d+|late)$/.exec(line) ?? [];
      if (id !== undefined) yield { id, files: files === "late" ? Number.POSITIVE_INFINITY : Number(files) };
    }
  }
  if (!isDone)
    throw new SlipwayError(
      "engine-unavailable",
      "the container that counts files ended unexpectedly: the engine must let a container read the folders of its storage driver",
    );
}

interface Look {
  readonly containers: readonly CountedContainer[];
  readonly labels: Labels;
  readonly mode: "once" | "always";
  readonly image: string;
  readonly storage: Storage;
}

/** It reads the storage driver's folders and their assignment to containers, but no volumes. */
function counterConfig({ containers, labels, mode, image, storage }: Look) {
  const { HostConfig, ...common } = hostReadingContainer(memoryBytes);
  const { Driver, DockerRootDir } = storage;
  const counted = containers.flatMap(({ id, maxFiles }) => [id, String(maxFiles)]);
  return {
    ...common,
    Image: image,
    Entrypoint: ["bash", "-c", script, "file-count"],
    Cmd: [Driver, String(countSeconds), mode, ...counted],
    Labels: labels,
    HostConfig: {
      ...HostConfig,
      SecurityOpt: [...HostConfig.SecurityOpt, "label=disable"],
      Mounts: [
        readOnly(`${DockerRootDir}/image/${Driver}/layerdb/mounts`, "/mounts"),
        readOnly(`${DockerRootDir}/${layers.get(Driver) ?? ""}`, "/layers"),
      ],
    },
  } satisfies Docker.ContainerCreateOptions;
}

/** Excludes mounts below the folder: otherwise containers mounted there could not be removed in the meantime. */
function readOnly(Source: string, Target: string): Docker.MountSettings {
  // The types lack this option, and require a propagation, which the engine chooses for its own folders.
  const BindOptions: { NonRecursive: true; Propagation?: Docker.MountPropagation } = { NonRecursive: true };
  return { Type: "bind", Source, Target, ReadOnly: true, BindOptions } as Docker.MountSettings;
}
