// Removes the rules that egress guards have set on this machine, before the guards are removed.

import { label } from "@slipway/core";
import { requestEngine } from "./engine-api.ts";

/** @param installationId installation of the guards. Default: all guards that run on the engine. */
export async function withdrawGuards(dockerHost: string, installationId?: string): Promise<void> {
  const own = installationId === undefined ? [] : [`${label.installation}=${installationId}`];
  const filters = encodeURIComponent(JSON.stringify({ label: [`${label.kind}=guard`, ...own] }));
  const path = `/containers/json?filters=${filters}`;
  const guards = (await requestEngine(dockerHost, "GET", path)) as { readonly Id: string }[];
  for (const { Id } of guards) {
    await requestEngine(dockerHost, "POST", `/containers/${Id}/kill?signal=SIGUSR1`);
    await requestEngine(dockerHost, "POST", `/containers/${Id}/wait`);
  }
}
