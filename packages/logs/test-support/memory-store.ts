// For tests: an in-memory store that can simulate an outage. Its logs pass the contract suite of the store port.

import { SlipwayError, isFinal } from "@slipway/core";
import type { Deployment, LogChunk, LogStore } from "@slipway/core";

export class MemoryStore {
  /** While true, every call fails. */
  unavailable = false;
  readonly chunks: LogChunk[] = [];
  /** How often `logs.read` was called. */
  logReads = 0;
  #called = Promise.withResolvers<void>();
  readonly #deployments = new Map<string, Deployment>();

  readonly deployments = {
    get: async (id: string): Promise<Deployment | null> => {
      this.#failIfUnavailable();
      return this.#deployments.get(id) ?? null;
    },
    recent: async (appId: string, since: Date): Promise<Deployment[]> => {
      this.#failIfUnavailable();
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
      this.#failIfUnavailable();
      const { deploymentId, firstSeq, attempt } = chunk;
      const stored = this.#log(deploymentId);
      if (stored.some((other) => other.attempt > attempt)) return false;
      if (stored.some((other) => other.firstSeq === firstSeq && other.attempt === attempt)) return true;
      this.#remove(
        (other) =>
          other.deploymentId === deploymentId && other.firstSeq >= firstSeq && other.attempt < attempt,
      );
      this.chunks.push(chunk);
      return true;
    },
    read: async (deploymentId, fromSeq, limit) => {
      this.logReads += 1;
      this.#failIfUnavailable();
      return this.#log(deploymentId)
        .filter((chunk) => chunk.firstSeq + chunk.lineCount > fromSeq)
        .slice(0, limit);
    },
    lastSeq: async (deploymentId) => {
      this.#failIfUnavailable();
      return Math.max(0, ...this.#log(deploymentId).map((chunk) => chunk.firstSeq + chunk.lineCount - 1));
    },
    remove: async (deploymentIds) => {
      this.#failIfUnavailable();
      this.#remove(({ deploymentId }) => deploymentIds.includes(deploymentId));
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

  /** The stored lines of a log. Lines of overlapping chunks occur repeatedly. */
  lines(deploymentId: string): string[] {
    return this.#log(deploymentId).flatMap((chunk) => chunk.text.split("\n"));
  }

  #log(deploymentId: string): LogChunk[] {
    return this.chunks
      .filter((chunk) => chunk.deploymentId === deploymentId)
      .toSorted((a, b) => a.firstSeq - b.firstSeq);
  }

  #remove(matches: (chunk: LogChunk) => boolean): void {
    this.chunks.splice(0, Infinity, ...this.chunks.filter((chunk) => !matches(chunk)));
  }

  #failIfUnavailable(): void {
    this.#called.resolve();
    this.#called = Promise.withResolvers();
    if (this.unavailable) throw new SlipwayError("store-unavailable", "the store is switched off");
  }
}
