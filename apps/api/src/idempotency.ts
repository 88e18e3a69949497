// Makes a repeated create find the first one: with an Idempotency-Key the deployment's id follows from the key.
// Source of the header's rules: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/

import { createHash, randomUUID } from "node:crypto";
import { invalidField } from "@slipway/core";
import type { App, Deployment, Store, User } from "@slipway/core";
import type { CreateDeploymentBody } from "@slipway/protocol";
import { namesSource } from "./source-url.ts";

const header = "Idempotency-Key";
const visibleText = /^[\x20-\x7e]{1,255}$/;

/** For a route's facts. */
export const idempotencyHeader = {
  [header]:
    "1 to 255 characters of the client's choice. A request of the same user, to the same app, with the same key is answered with the deployment that the first one made.",
} as const;

/**
 * The id of the deployment to create: of a key always the same one, and a new one without a key.
 * @throws {SlipwayError} "invalid" for a key that is none.
 */
export function deploymentIdOf(key: string | undefined, app: App, user: User): string {
  if (key === undefined) return randomUUID();
  if (!visibleText.test(key)) throw invalidField(header, "must be 1 to 255 visible ASCII characters");
  const digest = createHash("sha256")
    .update(JSON.stringify([app.id, user.id, key]))
    .digest("hex");
  // RFC 9562, version 8: an id of an application's own making
  const parts = [digest.slice(0, 8), digest.slice(8, 12), `8${digest.slice(13, 16)}`];
  return [...parts, `a${digest.slice(17, 20)}`, digest.slice(20, 32)].join("-");
}

/**
 * The deployment that the first request with the key made; null when this is the first.
 * @throws {SlipwayError} "invalid" when that one asked for something else.
 */
export async function firstOf(
  { deployments, releases }: Store,
  id: string,
  asked: CreateDeploymentBody,
  publicApiUrl: string,
): Promise<Deployment | null> {
  const first = await deployments.get(id);
  if (first === null) return null;
  if (await asksFor(first)) return first;
  throw invalidField(header, "was used for another deployment of this app");

  async function asksFor({ appId, source, gitRef, postdeployHook }: Deployment): Promise<boolean> {
    if (postdeployHook !== hookOf(asked)) return false;
    if (asked.release === undefined) {
      return gitRef === gitRefOf(asked) && namesSource(asked.source_url ?? "", source, publicApiUrl);
    }
    const release = await releases.byNumber(appId, asked.release);
    const sameRelease = source.kind === "release" && source.releaseId === release?.id;
    return sameRelease && gitRef === (gitRefOf(asked) ?? release.gitRef);
  }
}

/** An empty text stands for none. */
export function gitRefOf({ git_ref: gitRef }: CreateDeploymentBody): string | null {
  return gitRef === undefined || gitRef === "" ? null : gitRef;
}

/** An empty text stands for none. */
export function hookOf({ postdeploy_hook: hook }: CreateDeploymentBody): string | null {
  return hook === undefined || hook === "" ? null : hook;
}
