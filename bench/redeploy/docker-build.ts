// An app deployed by hand with a Dockerfile: build, perhaps push, run, wait for the first answer, remove the old container.

import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import type Docker from "dockerode";
import { openBuild } from "@slipway/buildkit";
import { openSession } from "@slipway/buildkit/session";
import { connectDocker } from "@slipway/docker";
import { finished, push } from "../engine.ts";
import type { BenchSlipway } from "../slipway.ts";
import { ServedByHand } from "./by-hand.ts";

export interface DockerBuildOptions {
  readonly cached: boolean;
  /** Host of the registry that images are pushed to; null when they are not pushed. */
  readonly pushedTo: string | null;
  /** BuildKit's options; without them the engine's classic builder is used. */
  readonly buildKit?: BuildKitOptions | undefined;
}

interface BuildKitOptions {
  readonly arguments: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
}

/** Owns the serving container and its image. */
export class DockerBuilds implements AsyncDisposable {
  readonly #slipway: BenchSlipway;
  readonly #options: DockerBuildOptions;
  readonly #served: ServedByHand;

  constructor(slipway: BenchSlipway, options: DockerBuildOptions) {
    this.#slipway = slipway;
    this.#options = options;
    this.#served = new ServedByHand(slipway);
  }

  /** Deploys a build context and removes the former container. @returns the milliseconds until the former container was gone. */
  async deploy(context: Buffer, answer: string): Promise<number> {
    const { docker, labels, environment } = this.#slipway;
    const { cached, pushedTo, buildKit } = this.#options;
    const repository = pushedTo === null ? "slipway-bench" : `${pushedTo}/bench/docker-build`;
    return await this.#served.replace(answer, async () => {
      const image = `${repository}:${randomUUID()}`;
      if (buildKit === undefined) await buildImage(docker, context, { t: image, nocache: !cached, labels });
      else await buildByBuildKit(context, { ...buildKit, tag: image, labels });
      if (pushedTo !== null) await push(docker, image, environment.REGISTRY_URL);
      return image;
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#served[Symbol.asyncDispose]();
  }
}

/** Builds an image with the engine's own builder. @throws the error of a failed step. */
export async function buildImage(
  docker: Docker,
  context: Buffer,
  options: Docker.ImageBuildOptions,
): Promise<void> {
  const stream = Readable.from([context], { objectMode: false });
  await finished(docker, await docker.buildImage(stream, { ...options, rm: true }));
}

/** Builds like `docker build` with BuildKit. The client's own method cannot be used: it opens a session without secrets. */
async function buildByBuildKit(
  context: Buffer,
  { tag, labels, secrets, ...options }: BuildKitOptions & { tag: string; labels: BenchSlipway["labels"] },
): Promise<void> {
  using connection = connectDocker({});
  await using session = await openSession(connection, secrets, new AbortController().signal);
  const query = {
    t: tag,
    labels: JSON.stringify(labels),
    buildargs: JSON.stringify(options.arguments),
    version: "2",
    session: session.id,
  };
  const response = await openBuild(connection, Readable.from([context], { objectMode: false }), query);
  await finished(connection.docker, response);
}
