// GET /v1/regions: where clients find the API. There is one region, this installation.

import { regionsAnswer } from "@slipway/protocol";
import type { Platform } from "../platform.ts";
import { route } from "../route.ts";
import type { Route } from "../route.ts";

export function regionRoutes({ config }: Platform): Route[] {
  const url = config.PUBLIC_API_URL;
  const region = {
    name: config.REGION_NAME,
    display_name: config.REGION_NAME,
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
      summary: "Where the API is; there is one region",
      access: "anyone",
      answer: { status: 200, json: regionsAnswer },
      handle: async () => ({ regions: [region] }),
    }),
  ];
}
