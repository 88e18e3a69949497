// Changes documents by compare-and-set: read, decide, store, and again when somebody was faster.

import { SlipwayError, changeApp } from "@slipway/core";
import type { App, Deployment, Store } from "@slipway/core";

const mostTries = 20;

/**
 * Stores what `decide` makes of a document. @param decide null to leave it as it is.
 * @returns the stored document, or null when there is none or it was left.
 * @throws {SlipwayError} "conflict" when others are faster again and again.
 */
async function changed<Document>(
  read: () => Promise<Document | null>,
  decide: (document: Document) => Document | null,
  compareAndSet: (next: Document) => Promise<boolean>,
): Promise<Document | null> {
  for (let tries = 0; tries < mostTries; tries += 1) {
    const document = await read();
    const next = document === null ? null : decide(document);
    if (next === null || (await compareAndSet(next))) return next;
  }
  throw new SlipwayError("conflict", "others keep changing it at this moment; try again");
}

/** Changes an app that is not deleted. @returns null when it is deleted, or gone. */
export function changeLiveApp(
  { apps }: Store,
  id: string,
  at: Date,
  facts: (app: App) => Parameters<typeof changeApp>[2],
): Promise<App | null> {
  return changed(
    () => apps.get(id),
    (app) => (app.deletedAt === null ? changeApp(app, at, facts(app)) : null),
    (next) => apps.compareAndSet(next),
  );
}

/** Changes a deployment. @param decide null to leave it as it is. @returns null when it was left, or is gone. */
export function changeDeployment(
  { deployments }: Store,
  id: string,
  decide: (deployment: Deployment) => Deployment | null,
): Promise<Deployment | null> {
  return changed(
    () => deployments.get(id),
    decide,
    (next) => deployments.compareAndSet(next),
  );
}
