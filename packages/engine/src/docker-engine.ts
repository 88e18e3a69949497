// The build engine port on a Docker Engine, of this machine or a remote one.

import { randomUUID } from "node:crypto";
import {
  type BuildEngine,
  type EngineCapacity,
  type Labels,
  label,
  type Sandbox,
  type SandboxSpec,
} from "@slipway/core";
import {
  type DockerConnection,
  type DockerConnectionOptions,
  ask,
  connectDocker,
  ensureNetwork,
  findContainers,
  removeContainer,
} from "@slipway/docker";
import { DockerSandbox } from "./sandbox.ts";
import { companionKind, sandboxConfig, sandboxKind, sandboxLabels } from "./sandbox-config.ts";
import { ensureVolumeOwner } from "./volume-owner.ts";

export interface EngineOptions extends DockerConnectionOptions {
  /** Marks what is ours on an engine that others use too. Nothing without it is ever touched. */
  readonly installationId: string;
}

/** Connects lazily: an engine that is away is told by the first call, `ping` for one. */
export function openEngine(options: EngineOptions): BuildEngine {
  return new DockerEngine(options);
}

class DockerEngine implements BuildEngine {
  readonly #installationId: string;
  readonly #connection: DockerConnection;

  constructor(options: EngineOptions) {
    this.#installationId = options.installationId;
    this.#connection = connectDocker(options);
  }

  async createSandbox(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    const { docker, images } = this.#connection;
    await images.ensure(spec.image, signal);
    const networkName = `slipway-${this.#installationId}-build`;
    const networkId = await ensureNetwork(docker, networkName, this.#installationId, signal);
    const name = `${networkName}-${randomUUID().slice(0, 8)}`;
    const config = sandboxConfig(spec, { installationId: this.#installationId, name, networkId });
    try {
      // Not cut short by the signal: a container whose id never reached us would stay.
      const { id } = await ask("create the build's container", () => docker.createContainer(config));
      const labels = sandboxLabels(spec.labels, this.#installationId);
      const place = { id, image: spec.image, labels };
      await ensureVolumeOwner(docker, place, signal);
      return new DockerSandbox(docker, place, spec.limits.diskBytes);
    } catch (error) {
      await Promise.allSettled([removeContainer(docker, name)]);
      throw error;
    }
  }

  async removeSandboxes(labels: Labels): Promise<number> {
    const removed = await Promise.all([
      this.#removeAll(sandboxKind, labels),
      this.#removeAll(companionKind, labels),
    ]);
    return removed[0];
  }

  async listSandboxes(): Promise<readonly Labels[]> {
    return (await this.#find(sandboxKind, {})).map(({ Labels }) => Labels);
  }

  async capacity(): Promise<EngineCapacity> {
    const { NCPU, MemTotal } = (await ask("tell what it has", () =>
      this.#connection.docker.info(),
    )) as EngineInfo;
    return { cpus: NCPU, memoryBytes: MemTotal };
  }

  async ping(): Promise<void> {
    await this.#connection.ping();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection[Symbol.dispose]();
  }

  async #removeAll(kind: string, labels: Labels): Promise<number> {
    const containers = await this.#find(kind, labels);
    await Promise.all(containers.map(({ Id }) => removeContainer(this.#connection.docker, Id)));
    return containers.length;
  }

  async #find(kind: string, labels: Labels) {
    const ours = { ...labels, [label.installation]: this.#installationId, [label.kind]: kind };
    return await findContainers(this.#connection.docker, ours);
  }
}

/** What we read of the engine's description of itself. */
interface EngineInfo {
  readonly NCPU: number;
  readonly MemTotal: number;
}
