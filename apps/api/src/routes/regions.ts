// GET /v1/regions: where clients find the API. There is one region, this installation.

import type { Router } from "express";
import type { RegionsAnswer } from "@slipway/protocol";
import type { Platform } from "../platform.ts";

export function addRegionRoutes(router: Router, { config }: Platform): void {
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
  router.get("/regions", (_request, response) => {
    response.json({ regions: [region] } satisfies RegionsAnswer);
  });
}
