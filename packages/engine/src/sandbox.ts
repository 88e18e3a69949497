// The container of one build, owned until disposed of.

import type { Readable } from "node:stream";
import { untilAborted } from "@slipway/async";
import type { ByteStream, Sandbox, SandboxExit, SnapshotName } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine, removeContainer } from "@slipway/docker";
import { kindOfPath } from "./path-kind.ts";
import type { Relay } from "./relay/relay.ts";
import { runBuild } from "./run.ts";
import type { SandboxContext } from "./sandbox-config.ts";
import type { Snapshots } from "./snapshots.ts";
import { belowWork, downloadTar, uploadTar, wholeTar } from "./transfer.ts";

interface SandboxOptions {
  readonly diskBytes: number;
  /** Names of the variables that the container was created with. */
  readonly variables: readonly string[];
  readonly snapshots: Snapshots;
  /** The relay whose network the sandbox shares; null when the sandbox has its own network. */
  readonly relay: Relay | null;
}

export class DockerSandbox implements Sandbox {
  readonly #docker: Docker;
  readonly #context: SandboxContext;
  readonly #diskBytes: number;
  readonly #variables: readonly string[];
  readonly #snapshots: Snapshots;
  readonly #relay: Relay | null;
  readonly #downloads = new Set<Readable>();

  constructor(docker: Docker, context: SandboxContext, options: SandboxOptions) {
    this.#docker = docker;
    this.#context = context;
    this.#diskBytes = options.diskBytes;
    this.#variables = options.variables;
    this.#snapshots = options.snapshots;
    this.#relay = options.relay;
  }

  get id(): string {
    return this.#context.id;
  }

  async upload(path: string, tar: ByteStream, signal: AbortSignal): Promise<void> {
    await uploadTar(this.#docker.getContainer(this.id), path, tar, signal);
  }

  async run(options: Parameters<Sandbox["run"]>[0]): Promise<SandboxExit> {
    if (this.#relay !== null) await untilAborted(this.#relay.opened(), options.signal);
    return await runBuild(this.#docker, this.#context, this.#diskBytes, options);
  }

  async download(path: string, signal: AbortSignal): Promise<ByteStream> {
    const stream = await downloadTar(this.#docker.getContainer(this.id), path, signal);
    this.#downloads.add(stream);
    stream.once("close", () => this.#downloads.delete(stream));
    return wholeTar(stream, { maxBytes: this.#diskBytes, signal });
  }

  async changes(path: string, signal: AbortSignal): Promise<readonly string[]> {
    const container = this.#docker.getContainer(this.id);
    const request = (abortSignal: AbortSignal) => container.changes({ abortSignal });
    const changes = (await callEngine("compare the files", request, { signal })) as readonly Change[] | null;
    const prefix = `${belowWork(path)}/`;
    const below = (changes ?? []).flatMap(({ Path }) =>
      Path.startsWith(prefix) ? [Path.slice(prefix.length)] : [],
    );
    // The engine lists the directory itself both when it was removed or replaced, and when something in it changed.
    const isNamed = (changes ?? []).some(({ Path }) => Path === path);
    if (!isNamed || (await kindOfPath(container, path, signal)) === "directory") return below;
    return [".", ...below];
  }

  async snapshot(name: SnapshotName, signal: AbortSignal): Promise<string> {
    const source = { id: this.id, variables: this.#variables, diskBytes: this.#diskBytes };
    return await this.#snapshots.create(source, name, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The engine cannot remove the container while it is sending its files.
    for (const stream of this.#downloads) stream.destroy();
    await removeContainer(this.#docker, this.id);
    await this.#relay?.[Symbol.asyncDispose]();
  }
}

/** An element of the engine's `GET /containers/{id}/changes`, which is null without any. */
interface Change {
  readonly Path: string;
}
