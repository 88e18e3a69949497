// For tests: a store in memory, with a switch for outages. Everything else of the log path is real there.

import { SlipwayError, isFinal } from "@slipway/core";
import type { Deployment, LogChunk, LogStore } from "@slipway/core";

export class MemoryStore {
  /** While set, every call fails. */
  away = false;
  readonly chunks: LogChunk[] = [];
  readonly #deployments = new Map<string, Deployment>();

  readonly deployments = {
    get: async (id: string): Promise<Deployment | null> => {
      this.#answer();
      return this.#deployments.get(id) ?? null;
    },
    compareAndSet: async (next: Deployment): Promise<boolean> => {
      this.#answer();
      if (this.#deployments.get(next.id)?.revision !== next.revision - 1) return false;
      this.#deployments.set(next.id, next);
      return true;
    },
    recent: async (appId: string, since: Date): Promise<Deployment[]> => {
      this.#answer();
      return [...this.#deployments.values()].filter(
        (deployment) =>
          deployment.appId === appId &&
          (!isFinal(deployment.status) || (deployment.finishedAt?.getTime() ?? 0) >= since.getTime()),
      );
    },
  };

  readonly logs: LogStore = {
    append: async (chunk) => {
      this.#answer();
      const { deploymentId, firstSeq, attempt } = chunk;
      const standing = this.#log(deploymentId).find((other) => other.firstSeq === firstSeq);
      if (standing !== undefined && standing.attempt > attempt) return false;
      if (standing === undefined) this.chunks.push(chunk);
      else if (standing.attempt < attempt) this.chunks[this.chunks.indexOf(standing)] = chunk;
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
    remove: async () => this.#answer(),
  };

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

  #answer(): void {
    if (this.away) throw new SlipwayError("store-unavailable", "the store is switched off");
  }
}
