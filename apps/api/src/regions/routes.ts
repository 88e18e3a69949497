// GET /v1/regions: the one region, this installation, and its URLs.

import { regionsAnswer } from "@slipway/protocol";
import type { ApiContext } from "../api-context.ts";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";

export function regionRoutes({ config }: ApiContext): Route[] {
  const url = config.urls.api;
  const region = {
    name: config.region,
    display_name: config.region,
    api: url,
    database_api: url,
    dashboard: url,
    ssh: `${new URL(url).hostname}:22`,
    default: true,
  };
  return [
    route({
      method: "get",
      path: "/regions",
      summary: "List the regions: this installation is the only one",
      access: "anyone",
      answer: { status: 200, json: regionsAnswer },
      handle: async () => ({ regions: [region] }),
    }),
  ];
}
