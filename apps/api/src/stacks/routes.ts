// GET /v1/features/stacks: the stacks that apps may choose.

import { stacksAnswer } from "@slipway/protocol";
import type { Stack } from "@slipway/service";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";

/** Clients of Scalingo expect a time. Stacks are settings, and have none. */
const createdAt = new Date(0).toISOString();

export function stackRoutes(stacks: readonly Stack[]): Route[] {
  return [
    route({
      method: "get",
      path: "/features/stacks",
      summary: "List the stacks that apps may be built and run on",
      access: "account:use",
      answer: { status: 200, json: stacksAnswer },
      handle: async () => ({
        stacks: stacks.map(({ name, run }, index) => ({
          id: name,
          created_at: createdAt,
          name,
          description: run === "" ? name : `${name}: ${run}`,
          base_image: run === "" ? name : run,
          default: index === 0,
          deprecated_at: null,
        })),
      }),
    }),
  ];
}
