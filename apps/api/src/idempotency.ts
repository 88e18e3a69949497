// Makes a repeated create find the first one: with an Idempotency-Key the deployment's id follows from the key.
// Source of the header's rules: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/

import { createHash, randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { SlipwayError, invalidField } from "@slipway/core";
import type { App, Deployment, NewDeployment, Store, User } from "@slipway/core";
import type { CreateDeploymentBody } from "@slipway/protocol";
import { wasRefused } from "./abort.ts";
import type { Platform } from "./platform.ts";
import { namesSource } from "./source-url.ts";

const header = "Idempotency-Key";
const visibleText = /^[\x20-\x7e]{1,255}$/;

/** For a route's facts. */
export const replayedHeader = {
  "Idempotent-Replayed":
    "`true` when it is the deployment of a former request with the same Idempotency-Key.",
} as const;

/** For a route's facts. */
export const idempotencyHeader = {
  [header]:
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
 * The id of the deployment to create: of a key always the same one, and a new one without a key; and the deployment that the
 * first request with the key made, null when this is the first. One that its app's policy refused does not count.
 * @throws {SlipwayError} "invalid" for a key that is none, or when the first one asked for something else.
 */
export async function firstOf(
  { store, config }: Platform,
  { app, user, key, wanted }: Asked,
): Promise<{ id: string; first: Deployment | null }> {
  if (key === undefined) return { id: randomUUID(), first: null };
  if (!visibleText.test(key)) throw invalidField(header, "must be 1 to 255 visible ASCII characters");
  for (let refusals = 0; ; refusals += 1) {
    const id = idOf([app.id, user.id, key, ...(refusals === 0 ? [] : [refusals])]);
    const first = await store.deployments.get(id);
    if (first === null) return { id, first };
    if (wasRefused(first)) continue;
    if (await asksFor(store, wanted, config.PUBLIC_API_URL, first)) return { id, first };
    throw usedOtherwise();
  }
}

/**
 * Of requests with one key that come at once, the store keeps the first.
 * @throws {SlipwayError} "invalid" when what is stored is not what was asked for, "conflict" when it was refused already.
 */
export function checkSame(stored: Deployment, request: NewDeployment): void {
  const wanted = ({ source, gitRef, postdeployHook }: NewDeployment) => [source, gitRef, postdeployHook];
  if (!isDeepStrictEqual(wanted(stored), wanted(request))) throw usedOtherwise();
  if (stored.failure !== null && wasRefused(stored)) {
    throw new SlipwayError("conflict", stored.failure.message);
  }
}

function usedOtherwise(): SlipwayError {
  return invalidField(header, "was used for another deployment of this app");
}

function idOf(names: readonly unknown[]): string {
  const digest = createHash("sha256").update(JSON.stringify(names)).digest("hex");
  // RFC 9562, version 8: an id of an application's own making
  const parts = [digest.slice(0, 8), digest.slice(8, 12), `8${digest.slice(13, 16)}`];
  return [...parts, `a${digest.slice(17, 20)}`, digest.slice(20, 32)].join("-");
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
