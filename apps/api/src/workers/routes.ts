// /v1/workers: lists the workers, their hosts and their current work, and drains them; for operators.

import type { Store } from "@slipway/core";
import { changeWorkerRequest, workerAnswer, workersAnswer } from "@slipway/protocol";
import type { FleetWorker } from "@slipway/queue";
import type { ApiContext } from "../api-context.ts";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";
import { presentWorker } from "./presenter.ts";

export interface WorkerContext extends Pick<ApiContext, "listWorkers" | "setDraining"> {
  readonly store: Pick<Store, "apps">;
}

export function workerRoutes({ store, listWorkers, setDraining }: WorkerContext): Route[] {
  const present = async (workers: readonly FleetWorker[]) => {
    const names = await appNames(store, workers);
    return workers.map((worker) => presentWorker(worker, names));
  };
  return [
    route({
      method: "get",
      path: "/workers",
      summary: "List the workers and their current work, including draining and lost workers",
      access: "workers:read",
      answer: { status: 200, json: workersAnswer },
      handle: async () => ({ workers: await present(await listWorkers()) }),
    }),
    route({
      method: "patch",
      path: "/workers/:worker",
      summary: "Drain a worker, or let it take work again",
      description:
        "A draining worker takes no more deployments and operations; it finishes its running work, and remains until it is stopped.",
      access: "workers:drain",
      body: changeWorkerRequest,
      answer: { status: 200, json: workerAnswer },
      async handle({ params, body }) {
        const changed = await setDraining(params.worker, body.worker.draining);
        const names = await appNames(store, [changed]);
        return { worker: presentWorker(changed, names) };
      },
    }),
  ];
}

/** The names of apps by id, without deleted apps. */
async function appNames(
  { apps }: WorkerContext["store"],
  workers: readonly FleetWorker[],
): Promise<ReadonlyMap<string, string>> {
  const appIds = new Set(workers.flatMap(({ running }) => running.map(({ appId }) => appId)));
  const found = await Promise.all([...appIds].map((id) => apps.get(id)));
  return new Map(found.flatMap((app) => (app === null ? [] : [[app.id, app.name] as const])));
}
