// The relays of an engine's sandboxes. Each relay serves one sandbox. When a sandbox has ended, a spare relay is started for the next one:
// the start of a container with a network of its own takes longer than the other preparations of a build.

import { untilAborted } from "@slipway/async";
import { type Labels, label, type LoopbackServer } from "@slipway/core";
import { type DockerConnection, findContainers, removeContainer } from "@slipway/docker";
import { companionKind } from "../sandbox-config.ts";
import { type Relay, type RelayOptions, type StartedRelay, startRelay } from "./relay.ts";

/** A spare relay that no sandbox has used for this long is removed: it takes memory of the engine. */
const spareMs = 10 * 60_000;

interface RelayRequest extends LoopbackServer {
  /** Labels of the sandbox, so that cleanup finds both containers. A spare relay has none of a deployment. */
  readonly labels: Labels;
  readonly networkId: string;
}

type RelaySettings = Pick<RelayOptions, "image" | "port" | "networkId">;

interface Spare {
  readonly settings: RelaySettings;
  /** Null when it could not be started. */
  readonly relay: Promise<StartedRelay | null>;
  readonly start: AbortController;
  readonly expiry: NodeJS.Timeout;
}

/** A container that was created this long ago and is not started belongs to a worker that crashed between the two. */
const unstartedMs = 10 * 60_000;

/** Owns the spare relay. */
export class Relays implements AsyncDisposable {
  readonly #connection: DockerConnection;
  readonly #now: () => Date;
  readonly #spareLabels: Labels;
  #spare: Spare | null = null;
  /** Removals that have not ended. */
  readonly #removals = new Set<Promise<void>>();
  #isClosed = false;

  constructor(connection: DockerConnection, installationId: string, now: () => Date) {
    this.#connection = connection;
    this.#now = now;
    this.#spareLabels = { [label.installation]: installationId, [label.kind]: companionKind };
  }

  /**
   * Takes the spare relay, or starts one. Its disposal starts the next spare one.
   * @throws {SlipwayError} "engine-unavailable", "registry-unavailable". It leaves nothing behind then.
   */
  async open(request: RelayRequest, signal: AbortSignal): Promise<Relay> {
    const { handle, labels, port, image, networkId } = request;
    const settings = { port, image, networkId };
    const relay =
      (await this.#takeSpare(settings, signal)) ??
      (await startRelay(this.#connection, { ...settings, labels, autoRemove: false }, signal));
    relay.serve(handle);
    return {
      containerId: relay.containerId,
      opened: () => relay.opened(),
      [Symbol.asyncDispose]: async () => {
        await relay[Symbol.asyncDispose]();
        this.#startSpare(settings);
      },
    };
  }

  /** Removes the spare relay, and starts no other one. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#removeSpare();
    await Promise.all(this.#removals);
  }

  /** @returns null when there is none for these settings, or it has ended. */
  async #takeSpare(settings: RelaySettings, signal: AbortSignal): Promise<StartedRelay | null> {
    const spare = this.#spare;
    if (spare === null || !isSame(spare.settings, settings)) {
      this.#removeSpare();
      return null;
    }
    this.#spare = null;
    clearTimeout(spare.expiry);
    try {
      const relay = await untilAborted(spare.relay, signal);
      if (relay?.isRunning() === true) return relay;
    } catch (error) {
      this.#remove(spare);
      throw error;
    }
    this.#remove(spare);
    return null;
  }

  #startSpare(settings: RelaySettings): void {
    if (this.#isClosed || this.#spare !== null) return;
    const start = new AbortController();
    const expiry = setTimeout(() => this.#removeSpare(), spareMs).unref();
    this.#spare = { settings, relay: this.#startedSpare(settings, start.signal), start, expiry };
  }

  /** A failure is not reported: the next sandbox starts a relay of its own, and reports its failure. */
  async #startedSpare(settings: RelaySettings, signal: AbortSignal): Promise<StartedRelay | null> {
    // After a crash of the worker no cleanup looks for a started relay without a deployment, so the engine removes it.
    const options = { ...settings, labels: this.#spareLabels, autoRemove: true };
    try {
      await this.#removeUnstarted();
      await using owned = new AsyncDisposableStack();
      const relay = owned.use(await startRelay(this.#connection, options, signal));
      await relay.opened();
      owned.move();
      return relay;
    } catch {
      return null;
    }
  }

  /** The engine removes a spare relay of a crashed worker only if it was started. */
  async #removeUnstarted(): Promise<void> {
    const { docker } = this.#connection;
    const found = await findContainers(docker, this.#spareLabels);
    const before = this.#now().getTime() - unstartedMs;
    const left = found.filter(
      ({ State, Created, Labels }) =>
        State === "created" && Created * 1000 < before && !(label.deployment in Labels),
    );
    await Promise.all(left.map(({ Id }) => removeContainer(docker, Id)));
  }

  #removeSpare(): void {
    const spare = this.#spare;
    this.#spare = null;
    if (spare !== null) this.#remove(spare);
  }

  /** A failure is not reported: the relay ends with its connection, and the engine then removes it. */
  #remove({ relay, start, expiry }: Spare): void {
    clearTimeout(expiry);
    start.abort(new Error("the spare relay is not needed"));
    const removed = relay
      .then((started) => started?.[Symbol.asyncDispose]())
      .catch(() => undefined)
      .finally(() => this.#removals.delete(removed));
    this.#removals.add(removed);
  }
}

function isSame(one: RelaySettings, other: RelaySettings): boolean {
  return one.port === other.port && one.image === other.image && one.networkId === other.networkId;
}
