// The Idempotency-Key header of a create: which deployment the request means, and whether it repeats an earlier one.

import { randomUUID } from "node:crypto";
import { invalidField } from "@slipway/core";
import type { App, Deployment, Store, User } from "@slipway/core";
import { idempotencyKeyHeader, idempotentId, keyReused } from "@slipway/deployments";
import type { CreateDeploymentBody } from "@slipway/protocol";
import type { Platform } from "./platform.ts";
import { namesSource } from "./source-url.ts";

const visibleText = /^[\x20-\x7e]{1,255}$/;

/** For a route's facts. */
export const replayedHeader = {
  "Idempotent-Replayed":
    "`true` when it is the deployment of a former request with the same Idempotency-Key.",
} as const;

/** For a route's facts. */
export const idempotencyHeader = {
  [idempotencyKeyHeader]:
    "1 to 255 characters of the client's choice. A request of the same user, to the same app, with the same key is answered with the deployment that the first one made.",
} as const;

/** The deployment that a request asks for. */
export interface Asked {
  readonly app: App;
  readonly user: User;
  readonly key: string | undefined;
  readonly wanted: CreateDeploymentBody;
}

/**
 * The id of the deployment to create, which follows from the key if there is one; and the deployment that an earlier request
 * with the key created, null when this is the first.
 * @throws {SlipwayError} "invalid" for a malformed key, or when the earlier request asked for something else.
 */
export async function firstOf(
  { store, config }: Platform,
  { app, user, key, wanted }: Asked,
): Promise<{ id: string; first: Deployment | null }> {
  if (key === undefined) return { id: randomUUID(), first: null };
  if (!visibleText.test(key))
    throw invalidField(idempotencyKeyHeader, "must be 1 to 255 visible ASCII characters");
  const id = idempotentId(app.id, user.id, key);
  const first = await store.deployments.get(id);
  if (first !== null && !(await asksFor(store, wanted, config.PUBLIC_API_URL, first))) throw keyReused();
  return { id, first };
}

/** The signature of an upload's URL may have ended by now, so it is not read again. */
async function asksFor(
  { releases }: Store,
  wanted: CreateDeploymentBody,
  publicApiUrl: string,
  { appId, source, gitRef, postdeployHook }: Deployment,
): Promise<boolean> {
  if (postdeployHook !== hookOf(wanted)) return false;
  if (wanted.release === undefined) {
    return gitRef === gitRefOf(wanted) && namesSource(wanted.source_url ?? "", source, publicApiUrl);
  }
  const release = await releases.byNumber(appId, wanted.release);
  const sameRelease = source.kind === "release" && source.releaseId === release?.id;
  return sameRelease && gitRef === (gitRefOf(wanted) ?? release.gitRef);
}

/** An empty text stands for none. */
export function gitRefOf({ git_ref: gitRef }: CreateDeploymentBody): string | null {
  return gitRef === undefined || gitRef === "" ? null : gitRef;
}

/** An empty text stands for none. */
export function hookOf({ postdeploy_hook: hook }: CreateDeploymentBody): string | null {
  return hook === undefined || hook === "" ? null : hook;
}
