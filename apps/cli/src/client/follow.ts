// Follows one deployment to its final status: over the stream, or through the API when the stream does not answer. Shows every line once.

import { backoffMs, pause, untilAborted } from "@slipway/async";
import { isFinal } from "@slipway/core";
import type { FinalStatus } from "@slipway/core";
import type { AppBody } from "@slipway/protocol";
import type { ApiClient } from "./api-client.ts";
import { CommandError, exitCodes, isPassing } from "./command-error.ts";
import { readOutput } from "./follow-output.ts";
import { readStream } from "./follow-stream.ts";
import { SeenFrames } from "./seen-frames.ts";
import type { FollowHandlers } from "./seen-frames.ts";

export interface FollowOptions {
  readonly api: Pick<ApiClient, "token" | "deployment" | "request">;
  readonly app: Pick<AppBody, "id" | "links">;
  readonly deploymentId: string;
  readonly signal: AbortSignal;
  readonly timing?: Partial<FollowTiming>;
}

interface FollowTiming {
  /** How long opening a connection to the stream may take. */
  readonly openMs: number;
  /** Pause before the first retry after a connection. Later pauses are longer. */
  readonly firstPauseMs: number;
  /** After this time without a line from the stream, the deployment's status is requested from the API. */
  readonly silenceMs: number;
  /** Following ends when neither the stream nor the API has answered for this time. */
  readonly giveUpMs: number;
}

const defaults: FollowTiming = {
  openMs: 10_000,
  firstPauseMs: 500,
  silenceMs: 5_000,
  giveUpMs: 10 * 60_000,
};
const longestPauseMs = 10_000;
/** A connection that was open for this long counts as successful. */
const steadyMs = 10_000;
/** After this many failures in a row, the log of an ended deployment is not requested again. */
const maxOutputFailures = 6;

/**
 * Reconnects when a connection is lost, with the token that the API client has at that time.
 * @returns the final status.
 * @throws {CommandError} when the API rejects a request, or neither the stream nor the API answers for ten minutes; the signal's reason
 * when it is aborted.
 */
export async function followDeployment(
  options: FollowOptions,
  handlers: FollowHandlers,
): Promise<FinalStatus> {
  return untilAborted(new Following(options, handlers).run(), options.signal);
}

class Following {
  readonly #options: FollowOptions;
  readonly #handlers: FollowHandlers;
  readonly #timing: FollowTiming;
  readonly #seen: SeenFrames;
  /** Number of connections in a row that brought nothing new. */
  #failures = 0;
  #answeredAt = performance.now();
  /** When the present connection to the stream was opened; infinity before it. */
  #openedAt = Number.POSITIVE_INFINITY;
  /** The final status according to the API. */
  #endedWith: FinalStatus | undefined;

  constructor(options: FollowOptions, handlers: FollowHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#timing = { ...defaults, ...options.timing };
    this.#seen = new SeenFrames(options.deploymentId, handlers);
  }

  async run(): Promise<FinalStatus> {
    const { signal } = this.#options;
    for (;;) {
      const { news } = this.#seen;
      this.#openedAt = Number.POSITIVE_INFINITY;
      const reason = await this.#oneConnection();
      if (this.#seen.finalStatus !== undefined) return this.#seen.finalStatus;
      signal.throwIfAborted();
      const isSteady = this.#seen.news > news || performance.now() - this.#openedAt >= steadyMs;
      if (isSteady) this.#answeredAt = performance.now();
      this.#failures = isSteady ? 1 : this.#failures + 1;
      if (this.#endedWith !== undefined && this.#failures >= maxOutputFailures) {
        this.#handlers.onProblem(`${reason} The rest of the log is not shown.`);
        return this.#endedWith;
      }
      if (performance.now() - this.#answeredAt >= this.#timing.giveUpMs) throw noAnswer(reason);
      await this.#pause(reason, signal);
    }
  }

  async #pause(reason: string, signal: AbortSignal): Promise<void> {
    const { firstPauseMs: firstMs } = this.#timing;
    const pauseMs = backoffMs(this.#failures, { firstMs, longestMs: longestPauseMs });
    if (this.#failures > 1) this.#handlers.onProblem(`${reason} The next try is in ${pauseMs / 1000} s.`);
    await pause(pauseMs, signal);
  }

  /**
   * The stream replays only deployments that ended within the last minutes, so the log of an ended deployment is read from the API. After
   * two failures of the stream, the API and the stream are tried in turns.
   * @returns why the connection ended, as a sentence.
   */
  async #oneConnection(): Promise<string> {
    const { api, app, deploymentId, signal } = this.#options;
    const { openMs, silenceMs } = this.#timing;
    const isTurnOfApi = this.#failures > 0 && this.#failures % 2 === 0;
    const hasEnded = () => this.#hasEnded();
    try {
      // The request also renews the token of the client.
      if ((await hasEnded()) || isTurnOfApi)
        return await readOutput({ api, app: app.id, deploymentId, signal }, this.#seen);
      const url = app.links.deployments_stream;
      const onOpen = () => (this.#openedAt = performance.now());
      return await readStream({ url, api, hasEnded, openMs, silenceMs, onOpen, signal }, this.#seen);
    } catch (error) {
      if (isPassing(error)) return error.message;
      throw error;
    }
  }

  /** Whether the deployment has ended according to the API. False while the API does not answer: the stream may still answer. */
  async #hasEnded(): Promise<boolean> {
    const { api, app, deploymentId } = this.#options;
    try {
      const { status } = await api.deployment(app.id, deploymentId);
      this.#answeredAt = performance.now();
      if (isFinal(status)) this.#endedWith = status;
      return isFinal(status);
    } catch (error) {
      if (isPassing(error)) return false;
      throw error;
    }
  }
}

function noAnswer(reason: string): CommandError {
  return new CommandError(
    `Neither the stream nor the API answers, so slipway stops following the deployment, which continues. ${reason}`,
    exitCodes.unreachable,
  );
}
