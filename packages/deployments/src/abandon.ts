// Ends a deployment that no attempt will end: its attempts are exhausted, or its app was deleted.

import { isFinal } from "@slipway/core";
import type { Deployment, SlipwayError } from "@slipway/core";
import { endWithFailure, sealAborted } from "./close.ts";
import type { RuleContext } from "./ports.ts";

/** The context for ending a deployment without an attempt: the rules, and the removal of what its attempts left behind. */
export interface AbandonContext extends RuleContext {
  /**
   * Removes the build and the unpromoted release of earlier attempts. Called before the end is stored, so that a failed removal
   * is repeated.
   */
  readonly removeLeftovers: (deployment: Deployment) => Promise<void>;
}

/**
 * Idempotent, also on several workers at once: a deployment that is final or does not exist remains unchanged.
 * @returns the deployment if this call ended it, otherwise null.
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
 * Seals the log of an aborted deployment whose worker crashed, which no worker had claimed, or whose log the aborting process could
 * not seal. Idempotent.
 */
export async function sealAbandoned(context: AbandonContext, aborted: Deployment): Promise<void> {
  if (aborted.logSha256 !== null) return;
  await context.removeLeftovers(aborted);
  await sealAborted(context, aborted, aborted.failure?.message ?? aborted.status);
}
