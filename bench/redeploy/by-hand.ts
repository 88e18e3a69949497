// An app that is deployed by hand: its container, which the next deployment replaces.

import type Docker from "dockerode";
import { run } from "../engine.ts";
import type { BenchSlipway } from "../slipway.ts";

/** Owns the serving container and its image. */
export class ServedByHand implements AsyncDisposable {
  readonly #slipway: BenchSlipway;
  #serving: { readonly container: Docker.Container; readonly image: string } | undefined;

  constructor(slipway: BenchSlipway) {
    this.#slipway = slipway;
  }

  /**
   * Runs another image until it answers, and removes the former container.
   * @param provide provides the image on the engine.
   * @returns the milliseconds from the call of `provide` until the former container was gone.
   */
  async replace(answer: string, provide: () => Promise<string>): Promise<number> {
    const { docker, labels } = this.#slipway;
    const former = this.#serving;
    const startedAt = performance.now();
    const image = await provide();
    this.#serving = { container: await run(docker, { image, labels, answer }), image };
    await former?.container.remove({ force: true, v: true });
    const tookMs = performance.now() - startedAt;
    // The new image keeps the layers that both images share.
    if (former !== undefined) await docker.getImage(former.image).remove({ force: true });
    return tookMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#serving?.container.remove({ force: true, v: true });
    if (this.#serving !== undefined)
      await this.#slipway.docker.getImage(this.#serving.image).remove({ force: true });
  }
}
