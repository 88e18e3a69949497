// Finds the deployment that a path names.

import { notFound } from "@slipway/core";
import type { App, Deployment, Store } from "@slipway/core";

/** @throws {SlipwayError} "not-found", also for a deployment of another app. */
export async function deploymentOf(
  { deployments }: { readonly deployments: Pick<Store["deployments"], "get"> },
  app: App,
  id: string,
): Promise<Deployment> {
  const deployment = await deployments.get(id);
  if (deployment === null || deployment.appId !== app.id) throw notFound("deployment");
  return deployment;
}
