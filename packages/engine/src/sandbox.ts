// One build's container, owned until disposed.

import type { Readable } from "node:stream";
import type { ByteStream, Sandbox, SandboxExit, SnapshotName } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine, removeContainer } from "@slipway/docker";
import { runBuild } from "./run.ts";
import type { SandboxContext } from "./sandbox-config.ts";
import type { Snapshots } from "./snapshots.ts";
import { belowWork, downloadTar, uploadTar, wholeTar } from "./transfer.ts";

interface SandboxOptions {
  readonly diskBytes: number;
  readonly snapshots: Snapshots;
}

export class DockerSandbox implements Sandbox {
  readonly #docker: Docker;
  readonly #context: SandboxContext;
  readonly #diskBytes: number;
  readonly #snapshots: Snapshots;
  readonly #downloads = new Set<Readable>();

  constructor(docker: Docker, context: SandboxContext, options: SandboxOptions) {
    this.#docker = docker;
    this.#context = context;
    this.#diskBytes = options.diskBytes;
    this.#snapshots = options.snapshots;
  }

  get id(): string {
    return this.#context.id;
  }

  async upload(path: string, tar: ByteStream, signal: AbortSignal): Promise<void> {
    await uploadTar(this.#docker.getContainer(this.id), path, tar, signal);
  }

  async run(options: Parameters<Sandbox["run"]>[0]): Promise<SandboxExit> {
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
    return (changes ?? []).flatMap(({ Path }) =>
      Path.startsWith(prefix) ? [Path.slice(prefix.length)] : [],
    );
  }

  async snapshot(name: SnapshotName, signal: AbortSignal): Promise<string> {
    return await this.#snapshots.create(this.id, name, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The engine cannot remove the container's files while it sends them.
    for (const stream of this.#downloads) stream.destroy();
    await removeContainer(this.#docker, this.id);
  }
}

/** An element of the engine's `GET /containers/{id}/changes`, which is null without any. */
interface Change {
  readonly Path: string;
}
