// Records the lifetime of every container of an installation, from the engines' events.

import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { label } from "@slipway/core";

export interface ContainerLifetime {
  /** The engine's index in the list of watched engines. */
  readonly engine: number;
  readonly kind: string;
  readonly appId: string;
  readonly deploymentId: string;
  readonly attempt: number;
  /** Nanoseconds since 1970, as the engine rounds them in JSON. All engines of a test have the same clock. */
  readonly startedAtNs: number;
  endedAtNs: number | null;
}

export interface ContainerWatch extends Disposable {
  readonly lifetimes: readonly ContainerLifetime[];
}

interface EngineEvent {
  readonly Action: string;
  readonly timeNano: number;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
}

export async function watchContainers(
  engines: readonly Docker[],
  installationId: string,
): Promise<ContainerWatch> {
  const filters = { type: ["container"], label: [`${label.installation}=${installationId}`] };
  const lifetimes: ContainerLifetime[] = [];
  const open = new Map<string, ContainerLifetime>();

  function note(engine: number, { Action, Actor, timeNano }: EngineEvent): void {
    if (Action === "start") {
      const lifetime = lifetimeOf(engine, Actor.Attributes, timeNano);
      lifetimes.push(lifetime);
      open.set(Actor.ID, lifetime);
    } else if (Action === "die") {
      const lifetime = open.get(Actor.ID);
      if (lifetime !== undefined) lifetime.endedAtNs = timeNano;
      open.delete(Actor.ID);
    }
  }

  const streams = await Promise.all(
    engines.map(async (docker, engine) => {
      const events = (await docker.getEvents({ filters: JSON.stringify(filters) })) as Readable;
      createInterface(events).on("line", (line) => note(engine, JSON.parse(line) as EngineEvent));
      // The watch itself ends the stream. When an engine fails, the test fails at another place.
      events.on("error", () => undefined);
      return events;
    }),
  );
  return { lifetimes, [Symbol.dispose]: () => streams.forEach((events) => events.destroy()) };
}

function lifetimeOf(
  engine: number,
  labels: Readonly<Record<string, string>>,
  startedAtNs: number,
): ContainerLifetime {
  return {
    engine,
    kind: labels[label.kind] ?? "",
    appId: labels[label.app] ?? "",
    deploymentId: labels[label.deployment] ?? "",
    attempt: Number(labels[label.attempt]),
    startedAtNs,
    endedAtNs: null,
  };
}
