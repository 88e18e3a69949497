// The BuildEngine port on a local or remote Docker Engine.

import { randomUUID } from "node:crypto";
import {
  type BuildEngine,
  buildKind,
  type DiskQuota,
  type EngineCapacity,
  type ImageFacts,
  type Labels,
  label,
  notFound,
  type Sandbox,
  type SandboxSpec,
  type Snapshot,
  type SnapshotName,
  type UserImage,
  type UserImageLimits,
} from "@slipway/core";
import {
  type DockerConnection,
  type DockerConnectionOptions,
  callEngine,
  connectDocker,
  ensureNetwork,
  findContainers,
  networkName,
  containerQuota,
  type QuotaCache,
  openDiskQuota,
  removeContainer,
  statusOf,
} from "@slipway/docker";
import { Relays } from "./relay/relays.ts";
import { DockerSandbox } from "./sandbox.ts";
import { companionKind, sandboxConfig, sandboxLabels } from "./sandbox-config.ts";
import { openWorkFolders } from "./work-folder.ts";
import { openSnapshots, type Snapshots } from "./snapshots.ts";
import { openUserImages, type UserImages } from "./user-images.ts";

export interface EngineOptions extends DockerConnectionOptions {
  /** Label of this installation's containers, volumes, networks and snapshots; others on the engine are never changed. */
  readonly installationId: string;
  /** Container runtime of builds, such as `runsc`. Default: the engine's own. */
  readonly runtime?: string;
  /** Cache of the engines' disk quotas. */
  readonly quotaCache?: QuotaCache;
  /** The clock that decides which images were used recently. Default: this machine's clock. */
  readonly now?: () => Date;
}

/** Connects lazily: if the engine is unavailable, the first call fails. */
export function openEngine(options: EngineOptions): BuildEngine {
  return new DockerEngine(options);
}

class DockerEngine implements BuildEngine {
  readonly #installationId: string;
  readonly #connection: DockerConnection;
  readonly #runtime: string | undefined;
  readonly #snapshots: Snapshots;
  readonly #userImages: UserImages;
  readonly #workFolders = openWorkFolders();
  readonly #relays: Relays;
  readonly #diskQuota: () => Promise<DiskQuota>;

  constructor(options: EngineOptions) {
    this.#installationId = options.installationId;
    this.#runtime = options.runtime;
    this.#connection = connectDocker(options);
    this.#snapshots = openSnapshots(this.#connection.docker, options.installationId);
    const now = options.now ?? (() => new Date());
    this.#relays = new Relays(this.#connection, options.installationId, now);
    this.#userImages = openUserImages(this.#connection.docker, options.installationId, now);
    this.#diskQuota = openDiskQuota(this.#connection.docker, options.installationId, options.quotaCache);
  }

  async createSandbox(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    const { docker, images } = this.#connection;
    const network = networkName(this.#installationId, "build");
    const [networkId, inherited, quota] = await Promise.all([
      ensureNetwork(docker, network, this.#installationId, signal),
      this.#snapshots.inheritedVariables(spec.image, signal),
      this.#diskQuota(),
    ]);
    if (inherited === null) await images.ensure(spec.image, signal);
    const labels = sandboxLabels(spec.labels, this.#installationId);
    await using opened = new AsyncDisposableStack();
    const { loopback } = spec;
    const relay =
      loopback === undefined
        ? null
        : opened.use(await this.#relays.open({ ...loopback, labels, networkId }, signal));
    const name = `${network}-${randomUUID().slice(0, 8)}`;
    const config = sandboxConfig(spec, {
      installationId: this.#installationId,
      name,
      networkId,
      relayId: relay?.containerId ?? null,
      unset: inherited ?? [],
      runtime: this.#runtime,
      quotaBytes: await containerQuota(docker, quota, spec.image, spec.limits.diskBytes),
      limitsVolumes: quota.volumes,
    });
    try {
      // Without the signal, because an aborted call could leave behind a container whose id is unknown.
      const { id } = await callEngine("create the build's container", () => docker.createContainer(config));
      // A snapshot already contains the work folder of its first build.
      if (inherited === null) await this.#workFolders.prepare(docker.getContainer(id), spec.image, signal);
      signal.throwIfAborted();
      opened.move();
      return new DockerSandbox(
        docker,
        { id, image: spec.image, labels },
        {
          diskBytes: spec.limits.diskBytes,
          variables: Object.keys(spec.environment),
          snapshots: this.#snapshots,
          relay,
        },
      );
    } catch (error) {
      await Promise.allSettled([removeContainer(docker, name)]);
      // The snapshot may have been removed in the meantime.
      if (inherited !== null && statusOf(error) === 404) throw notFound("snapshot");
      throw error;
    }
  }

  async inspectImage(reference: string, signal: AbortSignal, ofUser?: UserImage): Promise<ImageFacts> {
    const { docker, images } = this.#connection;
    if (ofUser === undefined) await images.ensure(reference, signal);
    else {
      const afterPull = () => this.#userImages.notePull(reference);
      const pulled = await images.ensure(reference, signal, { ...ofUser, afterPull });
      if (!pulled) await this.#userImages.noteUse(reference, signal);
    }
    const inspect = () => docker.getImage(reference).inspect();
    const { Id, Config } = await callEngine("inspect an image", inspect, { signal });
    const variables = (Config.Env ?? []).map((entry): readonly [string, string] => {
      const [name = "", ...value] = entry.split("=");
      return [name, value.join("=")];
    });
    return { id: Id, labels: Config.Labels ?? {}, environment: Object.fromEntries(variables) };
  }

  async pruneUserImages(limits: UserImageLimits): Promise<void> {
    await this.#userImages.prune(limits);
  }

  async removeSandboxes(labels: Labels): Promise<number> {
    const removed = await Promise.all([
      this.#removeAll(buildKind, labels),
      this.#removeAll(companionKind, labels),
    ]);
    return removed[0];
  }

  async listSandboxes(): Promise<readonly Labels[]> {
    const kinds = [buildKind, companionKind].map((kind) => this.#find(kind, {}));
    const [builds = [], companions = []] = await Promise.all(kinds);
    const attemptOf = (labels: Labels) => `${labels[label.deployment]} ${labels[label.attempt]}`;
    const attempts = new Set(builds.map(({ Labels }) => attemptOf(Labels)));
    // A crash may leave a relay whose sandbox was not created yet. A spare relay belongs to no sandbox.
    const alone = companions.filter(
      ({ Labels }) => label.deployment in Labels && !attempts.has(attemptOf(Labels)),
    );
    return [...builds, ...alone].map(({ Labels }) => Labels);
  }

  async findSnapshot(name: SnapshotName, signal: AbortSignal): Promise<string | null> {
    return await this.#snapshots.find(name, signal);
  }

  async listSnapshots(): Promise<readonly Snapshot[]> {
    return await this.#snapshots.list();
  }

  async snapshotLastUsedAt(name: SnapshotName): Promise<Date | null> {
    return await this.#snapshots.lastUsedAt(name);
  }

  async removeSnapshot(name: SnapshotName): Promise<void> {
    await this.#snapshots.remove(name);
  }

  async capacity(): Promise<EngineCapacity> {
    const { NCPU, MemTotal } = (await callEngine("return its capacity", () =>
      this.#connection.docker.info(),
    )) as EngineInfo;
    return { cpus: NCPU, memoryBytes: MemTotal };
  }

  async diskQuota(): Promise<DiskQuota> {
    return await this.#diskQuota();
  }

  async ping(): Promise<void> {
    await this.#connection.ping();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#relays[Symbol.asyncDispose]();
    this.#connection[Symbol.dispose]();
  }

  async #removeAll(kind: string, labels: Labels): Promise<number> {
    const containers = await this.#find(kind, labels);
    await Promise.all(containers.map(({ Id }) => removeContainer(this.#connection.docker, Id)));
    return containers.length;
  }

  async #find(kind: string, labels: Labels) {
    const allLabels = { ...labels, [label.installation]: this.#installationId, [label.kind]: kind };
    return await findContainers(this.#connection.docker, allLabels);
  }
}

/** The fields read from the engine's `GET /info`. */
interface EngineInfo {
  readonly NCPU: number;
  readonly MemTotal: number;
}
