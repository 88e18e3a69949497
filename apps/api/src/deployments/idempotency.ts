// The Idempotency-Key header of POST deployments: derives the deployment's id and finds the deployment of an earlier request.

import { randomUUID } from "node:crypto";
import { invalidField } from "@slipway/core";
import type { App, Deployment, Store, User } from "@slipway/core";
import { idempotencyKeyHeader, idempotentId, keyReused } from "@slipway/deployments";
import type { CreateDeploymentBody } from "@slipway/protocol";
import { namesSourceImage } from "../sources/source-image.ts";
import { namesSource } from "../sources/source-url.ts";

const visibleText = /^[\x20-\x7e]{1,255}$/;

/** Response header of the route, for the OpenAPI description. */
export const replayedHeader = {
  "Idempotent-Replayed":
    "`true` when an earlier request with the same Idempotency-Key created this deployment.",
} as const;

/** Request header of the route, for the OpenAPI description. */
export const idempotencyHeader = {
  [idempotencyKeyHeader]:
    "1 to 255 visible ASCII characters, chosen by the client. A request by the same user to the same app with the same key returns the deployment that the first request created.",
} as const;

export interface IdempotencyContext {
  readonly store: Pick<Store, "deployments" | "releases">;
  readonly apiUrl: string;
}

/** A request to create a deployment. */
export interface DeploymentRequest {
  readonly app: App;
  readonly user: User;
  readonly key: string | undefined;
  readonly body: CreateDeploymentBody;
}

/**
 * Returns the id for the new deployment, derived from the key if the request has one, and the deployment that an earlier request
 * with this key created; null if there is none.
 * @throws {SlipwayError} "invalid" for a malformed key, or if the earlier request differs from this one.
 */
export async function resolveIdempotencyKey(
  { store, apiUrl }: IdempotencyContext,
  { app, user, key, body }: DeploymentRequest,
): Promise<{ id: string; existing: Deployment | null }> {
  if (key === undefined) return { id: randomUUID(), existing: null };
  if (!visibleText.test(key))
    throw invalidField(idempotencyKeyHeader, "must be 1 to 255 visible ASCII characters");
  const id = idempotentId(app.id, user.id, key);
  const existing = await store.deployments.get(id);
  if (existing !== null && !(await isSameRequest(store, body, apiUrl, existing))) throw keyReused();
  return { id, existing };
}

/** Ignores the signature of an upload URL: it may have expired since the first request. */
async function isSameRequest(
  { releases }: Pick<Store, "releases">,
  body: CreateDeploymentBody,
  apiUrl: string,
  { appId, source, gitRef, postdeployHook }: Deployment,
): Promise<boolean> {
  if (postdeployHook !== hookOf(body)) return false;
  if (body.image !== undefined) return gitRef === gitRefOf(body) && namesSourceImage(body.image, source);
  if (body.release === undefined) {
    return gitRef === gitRefOf(body) && namesSource(body.source_url ?? "", source, apiUrl);
  }
  const release = await releases.byNumber(appId, body.release);
  const sameRelease = source.kind === "release" && source.releaseId === release?.id;
  return sameRelease && gitRef === (gitRefOf(body) ?? release.gitRef);
}

/** An empty string counts as absent. */
export function gitRefOf({ git_ref: gitRef }: CreateDeploymentBody): string | null {
  return gitRef === undefined || gitRef === "" ? null : gitRef;
}

/** An empty string counts as absent. */
export function hookOf({ postdeploy_hook: hook }: CreateDeploymentBody): string | null {
  return hook === undefined || hook === "" ? null : hook;
}
