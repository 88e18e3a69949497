// GET /v1/regions: the one region, this installation, and its URLs.

import { regionsAnswer } from "@slipway/protocol";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";

export function regionRoutes(name: string, apiUrl: string): Route[] {
  const region = {
    name,
    display_name: name,
    api: apiUrl,
    database_api: apiUrl,
    dashboard: apiUrl,
    ssh: `${new URL(apiUrl).hostname}:22`,
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
