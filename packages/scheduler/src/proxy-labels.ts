// Labels from which Traefik routes an app's host name to its instances.

import type { Labels, RolloutSpec } from "@slipway/core";
import { portOf } from "./instance-config.ts";

/**
 * No labels for an app without a public host name. Router and service are named after the app, so instances of the new and the
 * former rollout belong to one service, and Traefik's configuration does not change during a cutover.
 */
export function proxyLabels(rollout: Pick<RolloutSpec, "appId" | "hostname" | "port">): Labels {
  const { appId, hostname } = rollout;
  if (hostname === null) return {};
  const name = `slipway-${appId}`;
  return {
    "traefik.enable": "true",
    [`traefik.http.routers.${name}.rule`]: `Host(\`${hostname}\`)`,
    [`traefik.http.routers.${name}.service`]: name,
    [`traefik.http.services.${name}.loadbalancer.server.port`]: String(portOf(rollout)),
  };
}
