// The frames of a followed deployment that were shown: every connection replays them, and each line and status is shown once.

import { isFinal } from "@slipway/core";
import type { DeploymentStatus, FinalStatus } from "@slipway/core";
import { rewindNotice } from "@slipway/protocol";
import type { ServerFrame } from "@slipway/protocol";

export interface FollowHandlers {
  /** Also called with a line saying that the lines above it were replaced. */
  readonly onLine: (content: string) => void;
  readonly onStatus: (status: DeploymentStatus) => void;
  /** Receives a message that names the service that does not answer, and when it is tried again. */
  readonly onProblem: (text: string) => void;
}

/**
 * Skips frames that were already shown: a new connection replays the deployment from its first line. When a line differs from the one that
 * was shown, a newer attempt has replaced it and the lines after it.
 */
export class SeenFrames {
  finalStatus: FinalStatus | undefined;
  readonly #deploymentId: string;
  readonly #handlers: Pick<FollowHandlers, "onLine" | "onStatus">;
  readonly #shown: string[] = [];
  readonly #statuses: DeploymentStatus[] = [];
  #linesInConnection = 0;
  #statusesInConnection = 0;
  #received = 0;
  #news = 0;

  constructor(deploymentId: string, handlers: Pick<FollowHandlers, "onLine" | "onStatus">) {
    this.#deploymentId = deploymentId;
    this.#handlers = handlers;
  }

  /** Number of the deployment's frames that arrived, including those that were already shown. */
  get received(): number {
    return this.#received;
  }

  /** Number of lines and statuses that were shown. */
  get news(): number {
    return this.#news;
  }

  connected(): void {
    this.#linesInConnection = 0;
    this.#statusesInConnection = 0;
  }

  receive(frame: ServerFrame): void {
    if (!("id" in frame) || frame.id !== this.#deploymentId) return;
    this.#received += 1;
    if (frame.type === "log") this.#line(frame.data.content);
    else if (frame.type === "rewind") this.#linesInConnection = frame.data.afterSeq;
    else this.#status(frame.data.status);
  }

  #line(content: string): void {
    const index = this.#linesInConnection;
    this.#linesInConnection += 1;
    if (this.#shown[index] === content) return;
    this.#dropFrom(index);
    this.#shown.push(content);
    this.#news += 1;
    this.#handlers.onLine(content);
  }

  #dropFrom(index: number): void {
    const count = this.#shown.length - index;
    if (count <= 0) return;
    this.#shown.length = index;
    this.#handlers.onLine(rewindNotice(count));
  }

  #status(status: DeploymentStatus): void {
    const index = this.#statusesInConnection;
    this.#statusesInConnection += 1;
    const isShown = index < this.#statuses.length;
    const isRepeated = status === this.#statuses.at(-1);
    if (!isShown) this.#statuses.push(status);
    if (isShown || isRepeated) return;
    this.#news += 1;
    this.#handlers.onStatus(status);
    if (isFinal(status)) this.finalStatus = status;
  }
}
