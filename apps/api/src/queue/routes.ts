// GET /v1/queue: how many deployments wait and why, and how much work that is; for operators.

import type { Deployment, Store } from "@slipway/core";
import { queueAnswer, queueHistoryAnswer, queueHistoryQuery } from "@slipway/protocol";
import type { QueueAnswer, WaitReason } from "@slipway/protocol";
import { readById } from "../apps/apps-of.ts";
import { headReason, orUnknown } from "../deployments/wait-reason.ts";
import type { WaitReasonContext } from "../deployments/wait-reason.ts";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";
import { readQueueHistory } from "./queue-history.ts";
import type { QueueHistoryContext } from "./queue-history.ts";
import { queueState } from "./queue-state.ts";
import type { QueueStateContext } from "./queue-state.ts";

/** Waiting deployments whose reasons are determined, and that are listed. */
const maxExamined = 500;
const maxListed = 100;

export interface QueueContext extends WaitReasonContext, Pick<QueueStateContext, "reservedSlots" | "now"> {
  readonly store: Pick<Store, "apps" | "deployments" | "operations" | "users">;
}

interface Waiting {
  readonly deployment: Deployment;
  readonly position: number;
  readonly reason: WaitReason | null;
}

export function queueRoutes(context: QueueContext & QueueHistoryContext): Route[] {
  return [
    route({
      method: "get",
      path: "/queue",
      summary: "Show how many deployments wait, what for, and the use of the build slots",
      description:
        "A deployment waits for an earlier one of its app (app-busy), for a slot of its owner (owner-slots), for a free build slot (build-slots), for any worker (no-worker), or until the queue is resumed (queue-paused).",
      access: "workers:read",
      polled: true,
      answer: { status: 200, json: queueAnswer },
      handle: async () => ({ queue: await queueOf(context) }),
    }),
    route({
      method: "get",
      path: "/queue/history",
      summary: "List samples of the queue of the last hours, one per minute",
      description: "Samples are kept for 48 hours. There is none for a minute in which the API did not run.",
      access: "workers:read",
      polled: true,
      query: queueHistoryQuery,
      answer: { status: 200, json: queueHistoryAnswer },
      handle: async ({ query }) => ({
        history: { interval_seconds: 60, samples: await readQueueHistory(context, query.hours) },
      }),
    }),
  ];
}

async function queueOf(context: QueueContext): Promise<QueueAnswer["queue"]> {
  const { store } = context;
  const queue = await queueState(context, maxExamined);
  const { queued, running, workers, paused } = queue;
  const hasWorker = workers.some(({ state }) => state === "ready");
  const busyApps = await appsWithWork(store, running);
  const waiting = await examine(context, queued, busyApps, { isPaused: paused, hasWorker });
  return {
    waiting: queue.waiting,
    running: running.length,
    oldest_waiting_at: queued[0]?.createdAt.toISOString() ?? null,
    paused,
    by_reason: countReasons(waiting),
    slots: queue.slots,
    seconds_of_work: queue.secondsOfWork,
    deployments: await present(store, waiting.slice(0, maxListed)),
  };
}

/** Ids of apps whose first queued deployment waits for other work of the app. */
async function appsWithWork(
  { operations }: Pick<Store, "operations">,
  running: readonly Deployment[],
): Promise<ReadonlySet<string>> {
  const [inOperation, pending] = await Promise.all([operations.allRunning(), operations.waitingApps()]);
  return new Set([...[...running, ...inOperation].map(({ appId }) => appId), ...pending]);
}

function examine(
  context: QueueContext,
  queued: readonly Deployment[],
  busyApps: ReadonlySet<string>,
  fleet: Parameters<typeof headReason>[2],
): Promise<Waiting[]> {
  const lanes = Map.groupBy(
    queued.toSorted((a, b) => a.number - b.number),
    ({ appId }) => appId,
  );
  return Promise.all(
    queued.map(async (deployment) => {
      const position = (lanes.get(deployment.appId) ?? []).indexOf(deployment) + 1;
      const reason: WaitReason | null =
        position > 1 || busyApps.has(deployment.appId)
          ? "app-busy"
          : await orUnknown(context, () => headReason(context, deployment, fleet));
      return { deployment, position, reason };
    }),
  );
}

function countReasons(waiting: readonly Waiting[]): Partial<Record<WaitReason, number>> {
  const counts: Partial<Record<WaitReason, number>> = {};
  for (const { reason } of waiting) if (reason !== null) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

async function present(
  { apps, users }: Pick<Store, "apps" | "users">,
  waiting: readonly Waiting[],
): Promise<QueueAnswer["queue"]["deployments"]> {
  const ids = (key: "appId" | "ownerId") => waiting.map(({ deployment }) => deployment[key]);
  const [names, owners] = await Promise.all([
    readById(ids("appId"), (id) => apps.get(id)),
    readById(ids("ownerId"), (id) => users.get(id)),
  ]);
  return waiting.map(({ deployment, position, reason }) => ({
    app_name: names.get(deployment.appId)?.name ?? null,
    deployment_id: deployment.id,
    owner: owners.get(deployment.ownerId)?.username ?? null,
    position,
    reason,
    waiting_since: deployment.createdAt.toISOString(),
  }));
}
