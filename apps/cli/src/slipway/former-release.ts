// Finds the release that a rollback without a number deploys.

import { deploymentAnswer, releasesAnswer } from "@slipway/protocol";
import type { ApiClient } from "../client/api-client.ts";
import { CommandError } from "../client/command-error.ts";

/**
 * @returns the number of the release that served before the current one. Releases of deployments that failed or were aborted never
 * served.
 * @throws {CommandError} when there is none.
 */
export async function formerRelease(api: Pick<ApiClient, "get" | "find">, app: string): Promise<number> {
  const { releases } = await api.get(`/apps/${app}/releases`, releasesAnswer);
  const current = releases.find((one) => one.current)?.number ?? 0;
  const earlier = releases.filter(({ number }) => number < current);
  for (const { number, deployment_id: id } of earlier.toSorted((one, other) => other.number - one.number)) {
    const found = await api.find(`/apps/${app}/deployments/${id}`, deploymentAnswer);
    if (found?.deployment.status === "success") return number;
  }
  throw new CommandError("No earlier release has served the app: deploy the source that you want back.");
}
