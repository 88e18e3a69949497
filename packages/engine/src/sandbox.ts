// One build's container and volume, owned until disposed.

import type { Readable } from "node:stream";
import type { ByteStream, Sandbox, SandboxExit } from "@slipway/core";
import type Docker from "dockerode";
import { removeContainer } from "@slipway/docker";
import { runBuild } from "./run.ts";
import type { SandboxContext } from "./sandbox-config.ts";
import { downloadTar, uploadTar, wholeTar } from "./transfer.ts";

export class DockerSandbox implements Sandbox {
  readonly #docker: Docker;
  readonly #context: SandboxContext;
  readonly #diskBytes: number;
  readonly #downloads = new Set<Readable>();

  constructor(docker: Docker, context: SandboxContext, diskBytes: number) {
    this.#docker = docker;
    this.#context = context;
    this.#diskBytes = diskBytes;
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
    const stream = await downloadTar(this.#docker, this.#context, path, signal);
    this.#downloads.add(stream);
    stream.once("close", () => this.#downloads.delete(stream));
    return wholeTar(stream, { maxBytes: this.#diskBytes, signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The engine cannot remove the volume while it sends a download.
    for (const stream of this.#downloads) stream.destroy();
    await removeContainer(this.#docker, this.id);
  }
}
