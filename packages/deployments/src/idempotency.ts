// Idempotent creates: an Idempotency-Key determines the deployment's id, so a repeated request finds the first one's deployment.
// Source of the header's rules: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/

import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { invalidField } from "@slipway/core";
import type { Deployment, NewDeployment, SlipwayError } from "@slipway/core";

export const idempotencyKeyHeader = "Idempotency-Key";

/** The id of the deployment that a user's request with this key creates in an app: a UUID of version 8 (RFC 9562). */
export function idempotentId(appId: string, userId: string, key: string): string {
  const digest = createHash("sha256")
    .update(JSON.stringify([appId, userId, key]))
    .digest("hex");
  const parts = [digest.slice(0, 8), digest.slice(8, 12), `8${digest.slice(13, 16)}`];
  return [...parts, `a${digest.slice(17, 20)}`, digest.slice(20, 32)].join("-");
}

/**
 * Of concurrent requests with the same key, the store keeps the first.
 * @throws {SlipwayError} "invalid" when the stored deployment differs from the request.
 */
export function checkSameRequest(stored: Deployment, request: NewDeployment): void {
  const facts = ({ source, gitRef, postdeployHook }: NewDeployment) => [source, gitRef, postdeployHook];
  if (!isDeepStrictEqual(facts(stored), facts(request))) throw keyReused();
}

/** The error of a request whose key belongs to a deployment with other parameters. */
export function keyReused(): SlipwayError {
  return invalidField(idempotencyKeyHeader, "was used for another deployment of this app");
}
