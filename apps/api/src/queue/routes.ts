// GET /v1/queue: how many deployments wait, why, and how much work they are; for operators.

import type { Deployment, Store } from "@slipway/core";
import { queueAnswer, queueHistoryAnswer, queueHistoryQuery } from "@slipway/protocol";
import type { QueueAnswer, WaitReason } from "@slipway/protocol";
import { readById } from "../apps/apps-of.ts";
import { estimatedSeconds } from "../deployments/wait-estimate.ts";
import { headReason, orUnknown } from "../deployments/wait-reason.ts";
import type { WaitReasonContext } from "../deployments/wait-reason.ts";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";
import { readQueueHistory } from "./queue-history.ts";
import type { QueueHistoryContext } from "./queue-history.ts";
import { queueState } from "./queue-state.ts";
import type { QueueState, QueueStateContext } from "./queue-state.ts";

/** The maximum number of waiting deployments that are listed with their reasons. */
const maxExamined = 500;
const maxListed = 100;

export interface QueueContext
  extends WaitReasonContext, Pick<QueueStateContext, "reservedSlots" | "meanSeconds" | "now"> {
  readonly store: Pick<Store, "apps" | "deployments" | "operations" | "users">;
}

interface Waiting {
  readonly deployment: Deployment;
  readonly position: number;
  readonly reason: WaitReason | null;
  readonly estimatedSeconds: number | null;
}

export function queueRoutes(context: QueueContext & QueueHistoryContext): Route[] {
  return [
    route({
      method: "get",
      path: "/queue",
      summary: "Show how many deployments wait, what for, and the use of the build slots",
      description:
        "A deployment waits for an earlier one of its app (app-busy), for a slot of its owner (owner-slots), for a free build slot (build-slots), as a deployment of an earlier release for room among the operations (operation-slots), for any worker (no-worker), or until the queue is resumed (queue-paused).",
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
  const examined = await examine(context, queued, busyApps, { isPaused: paused, hasWorker });
  const waiting = await estimate(context, examined, queue);
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
): Promise<Omit<Waiting, "estimatedSeconds">[]> {
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

/** Estimates the waits of the listed deployments. */
async function estimate(
  context: QueueContext,
  examined: readonly Omit<Waiting, "estimatedSeconds">[],
  { running, slots, meanSeconds }: QueueState,
): Promise<Waiting[]> {
  const now = context.now();
  const runningOf = new Map(running.map((deployment) => [deployment.appId, deployment]));
  return Promise.all(
    examined.map(async (one, at) => {
      if (at >= maxListed) return { ...one, estimatedSeconds: null };
      const { deployment, reason } = one;
      const isHead = reason === "build-slots" || reason === "owner-slots";
      const before = isHead ? await orUnknown(context, () => context.lanes.countBefore(deployment)) : 0;
      const facts = {
        running: runningOf.get(deployment.appId) ?? null,
        slots: slots.total,
        meanSeconds,
        now,
      };
      return { ...one, estimatedSeconds: estimatedSeconds({ ...one, ...facts, before: before ?? 0 }) };
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
    readById(ids("appId"), (wanted) => apps.many(wanted)),
    readById(ids("ownerId"), (wanted) => users.many(wanted)),
  ]);
  return waiting.map(({ deployment, position, reason, ...times }) => ({
    app_name: names.get(deployment.appId)?.name ?? null,
    deployment_id: deployment.id,
    owner: owners.get(deployment.ownerId)?.username ?? null,
    position,
    reason,
    waiting_since: deployment.createdAt.toISOString(),
    estimated_seconds: times.estimatedSeconds,
  }));
}
