// Labels by which a Traefik finds an app's instances and routes its host name to them.

import type { Labels, RolloutSpec } from "@slipway/core";
import { appPort } from "./instance-config.ts";

/**
 * None for an app without a public host name. Router and service are named by the app, so that instances of the rollout
 * that comes and of the one that goes are one service's, and its configuration does not change in between.
 */
export function proxyLabels({ appId, hostname }: Pick<RolloutSpec, "appId" | "hostname">): Labels {
  if (hostname === null) return {};
  const name = `slipway-${appId}`;
  return {
    "traefik.enable": "true",
    [`traefik.http.routers.${name}.rule`]: `Host(\`${hostname}\`)`,
    [`traefik.http.routers.${name}.service`]: name,
    [`traefik.http.services.${name}.loadbalancer.server.port`]: String(appPort),
  };
}
