// GET /v1/workers: the workers, their hosts and their current work; for operators.

import type { Store } from "@slipway/core";
import { workersAnswer } from "@slipway/protocol";
import type { ApiContext } from "../api-context.ts";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";
import { presentWorker } from "./presenter.ts";

export interface WorkerContext extends Pick<ApiContext, "listWorkers"> {
  readonly store: Pick<Store, "apps">;
}

export function workerRoutes({ store, listWorkers }: WorkerContext): Route[] {
  return [
    route({
      method: "get",
      path: "/workers",
      summary: "List the workers and their current work, including draining and lost workers",
      access: "workers:read",
      answer: { status: 200, json: workersAnswer },
      async handle() {
        const workers = await listWorkers();
        const appIds = new Set(workers.flatMap(({ running }) => running.map(({ appId }) => appId)));
        const apps = await Promise.all([...appIds].map((id) => store.apps.get(id)));
        const names = new Map(apps.flatMap((app) => (app === null ? [] : [[app.id, app.name] as const])));
        return { workers: workers.map((worker) => presentWorker(worker, names)) };
      },
    }),
  ];
}
