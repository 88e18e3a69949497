// Checks, after a part of an app was stored, that the app still exists.

import { notFound } from "@slipway/core";
import type { Store } from "@slipway/core";

/**
 * An app may be deleted while the body of a request is read, and its removal complete before the request stores a part of it, which
 * nothing would remove then.
 * @param undo removes the part again. @throws {SlipwayError} "not-found" when the app was deleted.
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
