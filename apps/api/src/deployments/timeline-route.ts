// GET /v1/apps/:app/deployments/:deployment/timeline: a deployment's waits, its attempts and their phases.

import { isRunning } from "@slipway/core";
import type { AttemptRecord, Deployment, PhaseRecord } from "@slipway/core";
import { timelineAnswer } from "@slipway/protocol";
import type { AttemptBody, PhaseBody } from "@slipway/protocol";
import type { FleetWorker } from "@slipway/queue";
import { isTraced, traceIdOf } from "@slipway/telemetry";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";
import { deploymentOf } from "./deployment-of.ts";
import type { QueuePositionContext } from "./queue-position.ts";
import { waitsOf } from "./waits.ts";

export function timelineRoute(context: QueuePositionContext): Route {
  return route({
    method: "get",
    path: "/apps/:app/deployments/:deployment/timeline",
    summary: "Show a deployment's waits, attempts and phases with their times",
    description:
      "Waits are what the deployment waited for before each attempt. A phase that runs for some seconds is shown while it runs; shorter ones after the next change of the status.",
    polled: true,
    access: "deployments:read",
    answer: { status: 200, json: timelineAnswer },
    async handle({ user, app, params }) {
      const deployment = await deploymentOf(context.store, app, params.deployment);
      const worker = await workerOf(context, deployment);
      return {
        timeline: {
          deployment_id: deployment.id,
          trace_id: isTraced() ? traceIdOf(deployment.id) : null,
          created_at: deployment.createdAt.toISOString(),
          started_at: iso(deployment.startedAt),
          finished_at: iso(deployment.finishedAt),
          status: deployment.status,
          waits: await waitsOf(context, deployment),
          attempts: deployment.timeline.map((attempt) => presentAttempt(attempt, worker, user.operator)),
        },
      };
    },
  });
}

/** The worker whose registration lists the last attempt of a running deployment. Null when there is none, or Redis does not answer. */
async function workerOf(
  { listWorkers, logger }: Pick<QueuePositionContext, "listWorkers" | "logger">,
  { id, status, timeline }: Deployment,
): Promise<FleetWorker | null> {
  if (!isRunning(status)) return null;
  const number = timeline.at(-1)?.number;
  try {
    const workers = await listWorkers();
    return workers.find(({ running }) => running.some((run) => isOf(run, id, number))) ?? null;
  } catch (error) {
    logger.warn({ err: error }, "cannot determine the state of a deployment's worker");
    return null;
  }
}

function isOf(
  run: FleetWorker["running"][number],
  deploymentId: string,
  attempt: number | undefined,
): boolean {
  return "deploymentId" in run && run.deploymentId === deploymentId && run.attempt === attempt;
}

/** Only operators see the addresses of engines. @param running the worker of the attempt that has not ended. */
function presentAttempt(
  attempt: AttemptRecord,
  running: FleetWorker | null,
  isForOperator: boolean,
): AttemptBody {
  const { number, worker, engine, outcome, phases } = attempt;
  const runner = attempt.finishedAt === null ? running : null;
  return {
    number,
    worker,
    worker_state: runner?.state ?? null,
    worker_seen_at: iso(runner?.lastSeenAt ?? null),
    engine: isForOperator ? engine : null,
    started_at: attempt.startedAt.toISOString(),
    finished_at: iso(attempt.finishedAt),
    outcome,
    phases: phases.map(presentPhase),
  };
}

function presentPhase({ name, startedAt, finishedAt, bytes, reused, outcome }: PhaseRecord): PhaseBody {
  return {
    name,
    started_at: startedAt.toISOString(),
    finished_at: iso(finishedAt),
    bytes,
    reused: [...reused],
    outcome,
  };
}

function iso(time: Date | null): string | null {
  return time?.toISOString() ?? null;
}
