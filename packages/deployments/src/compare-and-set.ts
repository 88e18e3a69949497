// Compare-and-set over the store: retries unacknowledged writes, and repeats read, decide and store until no other writer interferes.

import { isDeepStrictEqual } from "node:util";
import { SlipwayError, changeApp } from "@slipway/core";
import type { App, AppStore, Deployment, DeploymentStore } from "@slipway/core";

/** A store whose documents have an id and a revision. */
export interface EntityStore<Entity> {
  get(id: string): Promise<Entity | null>;
  compareAndSet(next: Entity): Promise<boolean>;
}

const maxTries = 20;

/**
 * Stores a change by compare-and-set. If the first answer was lost, the repeated call finds its own change stored, which counts as
 * success.
 * @returns whether the change is stored now.
 */
export async function storeChange<Entity extends { readonly id: string }>(
  store: EntityStore<Entity>,
  next: Entity,
): Promise<boolean> {
  return (await store.compareAndSet(next)) || isDeepStrictEqual(await store.get(next.id), next);
}

/**
 * Changes a document, and repeats that when another writer was faster.
 * @param decide returns the next revision, or null to leave the document unchanged.
 * @returns the stored document; null when it does not exist, or was left unchanged.
 * @throws {SlipwayError} "conflict" after too many lost races.
 */
async function update<Entity>(
  store: EntityStore<Entity>,
  id: string,
  decide: (entity: Entity) => Entity | null,
): Promise<Entity | null> {
  for (let tries = 0; tries < maxTries; tries += 1) {
    const entity = await store.get(id);
    const next = entity === null ? null : decide(entity);
    if (next === null || (await store.compareAndSet(next))) return next;
  }
  throw new SlipwayError("conflict", "it is being changed by other requests; try again");
}

/** Changes an app that is not deleted. @returns null when it is deleted, or does not exist. */
export function updateLiveApp(
  apps: AppStore,
  id: string,
  at: Date,
  changes: (app: App) => Parameters<typeof changeApp>[2],
): Promise<App | null> {
  return update(apps, id, (app) => (app.deletedAt === null ? changeApp(app, at, changes(app)) : null));
}

/** Changes a deployment. @param decide returns null to leave it unchanged. @returns null when it is unchanged or does not exist. */
export function updateDeployment(
  deployments: DeploymentStore,
  id: string,
  decide: (deployment: Deployment) => Deployment | null,
): Promise<Deployment | null> {
  return update(deployments, id, decide);
}
