// An app deployed by hand with a Dockerfile: build, perhaps push, run, wait for the first answer, remove the old container.

import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import type Docker from "dockerode";
import { finished, push, run } from "../engine.ts";
import type { BenchSlipway } from "../slipway.ts";

export interface DockerBuildOptions {
  readonly cached: boolean;
  /** Host of the registry that images are pushed to; null when they are not. */
  readonly pushedTo: string | null;
}

/** Owns the container and the image that serve now. */
export class DockerBuilds implements AsyncDisposable {
  readonly #slipway: BenchSlipway;
  readonly #options: DockerBuildOptions;
  #serving: { readonly container: Docker.Container; readonly image: string } | undefined;

  constructor(slipway: BenchSlipway, options: DockerBuildOptions) {
    this.#slipway = slipway;
    this.#options = options;
  }

  /** Deploys a context and removes what served before. @returns the milliseconds until its container was gone. */
  async deploy(context: Buffer, answer: string): Promise<number> {
    const { docker, labels, environment } = this.#slipway;
    const { cached, pushedTo } = this.#options;
    const repository = pushedTo === null ? "slipway-bench" : `${pushedTo}/bench/docker-build`;
    const image = `${repository}:${randomUUID()}`;
    const former = this.#serving;
    const startedAt = performance.now();
    await buildImage(docker, context, { t: image, nocache: !cached, labels });
    if (pushedTo !== null) await push(docker, image, environment.REGISTRY_URL);
    this.#serving = { container: await run(docker, { image, labels, answer }), image };
    await former?.container.remove({ force: true, v: true });
    const tookMs = performance.now() - startedAt;
    // The new image keeps the layers that both have.
    if (former !== undefined) await docker.getImage(former.image).remove({ force: true });
    return tookMs;
  }

  /** Removes what serves, as before a first deployment. */
  async clear(): Promise<void> {
    const former = this.#serving;
    this.#serving = undefined;
    await former?.container.remove({ force: true, v: true });
    if (former !== undefined) await this.#slipway.docker.getImage(former.image).remove({ force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clear();
  }
}

/** Builds an image with the engine's own builder. @throws the error of a step. */
export async function buildImage(
  docker: Docker,
  context: Buffer,
  options: Docker.ImageBuildOptions,
): Promise<void> {
  const stream = Readable.from([context], { objectMode: false });
  await finished(docker, await docker.buildImage(stream, { ...options, rm: true }));
}
