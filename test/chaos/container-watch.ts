// Writes down the life of every container of an installation, as the engines' own events tell it.

import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { label } from "@slipway/core";

export interface ContainerLife {
  /** Which of the engines, counted as they were given. */
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
  readonly lives: readonly ContainerLife[];
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
  const lives: ContainerLife[] = [];
  const open = new Map<string, ContainerLife>();

  function note(engine: number, { Action, Actor, timeNano }: EngineEvent): void {
    if (Action === "start") {
      const life = lifeOf(engine, Actor.Attributes, timeNano);
      lives.push(life);
      open.set(Actor.ID, life);
    } else if (Action === "die") {
      const life = open.get(Actor.ID);
      if (life !== undefined) life.endedAtNs = timeNano;
      open.delete(Actor.ID);
    }
  }

  const streams = await Promise.all(
    engines.map(async (docker, engine) => {
      const events = (await docker.getEvents({ filters: JSON.stringify(filters) })) as Readable;
      createInterface(events).on("line", (line) => note(engine, JSON.parse(line) as EngineEvent));
      // Cut on purpose at the end; an engine that goes away fails the test by itself.
      events.on("error", () => undefined);
      return events;
    }),
  );
  return { lives, [Symbol.dispose]: () => streams.forEach((events) => events.destroy()) };
}

function lifeOf(
  engine: number,
  labels: Readonly<Record<string, string>>,
  startedAtNs: number,
): ContainerLife {
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
