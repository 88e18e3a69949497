// Checks, after a part of an app was stored, that the app still exists.

import { notFound } from "@slipway/core";
import type { Store } from "@slipway/core";

/**
 * Call this after storing a part of an app. The app may have been deleted, completely, while the request's body was read; nothing would
 * then remove a part that is stored afterwards.
 * @param undo removes the part again.
 * @throws {SlipwayError} "not-found" when the app was deleted.
 */
export async function requireApp(
  { apps }: Pick<Store, "apps">,
  appId: string,
  undo: () => Promise<unknown>,
): Promise<void> {
  const app = await apps.get(appId);
  if (app !== null && app.deletedAt === null) return;
  await undo();
  throw notFound("app");
}
