// The end of a deployment that no attempt will end: its attempts are exhausted, or its app was deleted.

import { isFinal } from "@slipway/core";
import type { Deployment, SlipwayError } from "@slipway/core";
import { endWithFailure, sealAborted } from "./close.ts";
import type { RuleContext } from "./ports.ts";

/** What ending a deployment from outside needs besides the rules: the removal of what its attempts left. */
export interface AbandonContext extends RuleContext {
  /**
   * Removes the build and the unpromoted release that earlier attempts left. Called before the end is stored, so that a
   * removal that fails is repeated.
   */
  readonly removeLeftovers: (deployment: Deployment) => Promise<void>;
}

/**
 * Idempotent, also on several workers at once: a deployment that is final or gone stays as it is.
 * @returns the deployment if this call ended it, else null.
 */
export async function abandonDeployment(
  context: AbandonContext,
  deploymentId: string,
  error: SlipwayError,
): Promise<Deployment | null> {
  const deployment = await context.store.deployments.get(deploymentId);
  if (deployment === null || isFinal(deployment.status)) return null;
  await context.removeLeftovers(deployment);
  const status = deployment.releaseId === null ? "aborted" : "crashed-error";
  return endWithFailure(context, deployment, status, error);
}

/**
 * Seals the log of a deployment that was aborted while its worker crashed, before a worker claimed it, or by a process that could not
 * seal it. Idempotent.
 */
export async function sealAbandoned(context: AbandonContext, aborted: Deployment): Promise<void> {
  if (aborted.logSha256 !== null) return;
  await context.removeLeftovers(aborted);
  await sealAborted(context, aborted, aborted.failure?.message ?? aborted.status);
}
