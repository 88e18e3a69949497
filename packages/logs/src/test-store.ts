// For tests: a store in memory that can be made unavailable. Its logs keep the contract of the store port; the rest of the log
// path is real in these tests.

import { SlipwayError, isFinal } from "@slipway/core";
import type { Deployment, LogChunk, LogStore } from "@slipway/core";

export class MemoryStore {
  /** While set, every call fails. */
  away = false;
  readonly chunks: LogChunk[] = [];
  #called = Promise.withResolvers<void>();
  readonly #deployments = new Map<string, Deployment>();

  readonly deployments = {
    get: async (id: string): Promise<Deployment | null> => {
      this.#answer();
      return this.#deployments.get(id) ?? null;
    },
    recent: async (appId: string, since: Date): Promise<Deployment[]> => {
      this.#answer();
      return [...this.#deployments.values()]
        .filter(
          (deployment) =>
            deployment.appId === appId &&
            (!isFinal(deployment.status) || (deployment.finishedAt?.getTime() ?? 0) >= since.getTime()),
        )
        .toSorted((a, b) => a.number - b.number);
    },
  };

  readonly logs: LogStore = {
    append: async (chunk) => {
      this.#answer();
      const { deploymentId, firstSeq, attempt } = chunk;
      const stored = this.#log(deploymentId);
      if (stored.some((other) => other.attempt > attempt)) return false;
      if (stored.some((other) => other.firstSeq === firstSeq && other.attempt === attempt)) return true;
      this.#drop(
        (other) =>
          other.deploymentId === deploymentId && other.firstSeq >= firstSeq && other.attempt < attempt,
      );
      this.chunks.push(chunk);
      return true;
    },
    read: async (deploymentId, fromSeq, limit) => {
      this.#answer();
      return this.#log(deploymentId)
        .filter((chunk) => chunk.firstSeq + chunk.lineCount > fromSeq)
        .slice(0, limit);
    },
    lastSeq: async (deploymentId) => {
      this.#answer();
      return Math.max(0, ...this.#log(deploymentId).map((chunk) => chunk.firstSeq + chunk.lineCount - 1));
    },
    remove: async (deploymentIds) => {
      this.#answer();
      this.#drop(({ deploymentId }) => deploymentIds.includes(deploymentId));
    },
  };

  /** Resolves with the next call, whether it fails or not. */
  called(): Promise<void> {
    return this.#called.promise;
  }

  put(deployment: Deployment): Deployment {
    this.#deployments.set(deployment.id, deployment);
    return deployment;
  }

  /** The lines the store has of a log. Overlapping chunks show. */
  lines(deploymentId: string): string[] {
    return this.#log(deploymentId).flatMap((chunk) => chunk.text.split("\n"));
  }

  #log(deploymentId: string): LogChunk[] {
    return this.chunks
      .filter((chunk) => chunk.deploymentId === deploymentId)
      .toSorted((a, b) => a.firstSeq - b.firstSeq);
  }

  #drop(isDropped: (chunk: LogChunk) => boolean): void {
    this.chunks.splice(0, Infinity, ...this.chunks.filter((chunk) => !isDropped(chunk)));
  }

  #answer(): void {
    this.#called.resolve();
    this.#called = Promise.withResolvers();
    if (this.away) throw new SlipwayError("store-unavailable", "the store is switched off");
  }
}
