// Finds the app that a request names.

import type { App, AppStore } from "@slipway/core";

const idForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Tries the id first, so that naming an app after another app's id cannot hijack requests.
 * @returns null when there is no such app, or when it is deleted. @throws {SlipwayError} "store-unavailable".
 */
export async function findApp(apps: Pick<AppStore, "get" | "byName">, idOrName: string): Promise<App | null> {
  const byId = idForm.test(idOrName) ? await apps.get(idOrName) : null;
  return byId === null || byId.deletedAt !== null ? apps.byName(idOrName) : byId;
}
