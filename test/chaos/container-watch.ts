// Writes down the life of every container of an installation, as the engine's own events tell it.

import type { Readable } from "node:stream";
import { createInterface } from "node:readline";
import type Docker from "dockerode";
import { label } from "@slipway/core";

export interface ContainerLife {
  readonly id: string;
  readonly kind: string;
  readonly appId: string;
  readonly deploymentId: string;
  readonly attempt: number;
  /** Places among all events of the engine: ends and starts in the order in which they were. */
  readonly startedAt: number;
  endedAt: number | null;
}

export interface ContainerWatch extends Disposable {
  /** In the order in which they were started. */
  readonly lives: readonly ContainerLife[];
}

interface EngineEvent {
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
}

export async function watchContainers(docker: Docker, installationId: string): Promise<ContainerWatch> {
  const filters = { type: ["container"], label: [`${label.installation}=${installationId}`] };
  const events = (await docker.getEvents({ filters: JSON.stringify(filters) })) as Readable;
  const lives: ContainerLife[] = [];
  const open = new Map<string, ContainerLife>();
  let at = 0;
  createInterface(events).on("line", (line) => {
    const { Action, Actor } = JSON.parse(line) as EngineEvent;
    at += 1;
    if (Action === "start") {
      const life = lifeOf(Actor, at);
      lives.push(life);
      open.set(Actor.ID, life);
    } else if (Action === "die") {
      const life = open.get(Actor.ID);
      if (life !== undefined) life.endedAt = at;
      open.delete(Actor.ID);
    }
  });
  // Cut on purpose at the end; an engine that goes away fails the test by itself.
  events.on("error", () => undefined);
  return { lives, [Symbol.dispose]: () => void events.destroy() };
}

function lifeOf({ ID, Attributes }: EngineEvent["Actor"], startedAt: number): ContainerLife {
  return {
    id: ID,
    kind: Attributes[label.kind] ?? "",
    appId: Attributes[label.app] ?? "",
    deploymentId: Attributes[label.deployment] ?? "",
    attempt: Number(Attributes[label.attempt]),
    startedAt,
    endedAt: null,
  };
}
