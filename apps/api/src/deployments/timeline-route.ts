// GET /v1/apps/:app/deployments/:deployment/timeline: what a deployment waited for, its attempts and their phases.

import type { AttemptRecord, PhaseRecord } from "@slipway/core";
import { timelineAnswer } from "@slipway/protocol";
import type { AttemptBody, PhaseBody } from "@slipway/protocol";
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
      return {
        timeline: {
          deployment_id: deployment.id,
          trace_id: isTraced() ? traceIdOf(deployment.id) : null,
          created_at: deployment.createdAt.toISOString(),
          started_at: iso(deployment.startedAt),
          finished_at: iso(deployment.finishedAt),
          status: deployment.status,
          waits: await waitsOf(context, deployment),
          attempts: deployment.timeline.map((attempt) => presentAttempt(attempt, user.operator)),
        },
      };
    },
  });
}

/** Where the engines are is for operators only. */
function presentAttempt(attempt: AttemptRecord, isForOperator: boolean): AttemptBody {
  const { number, worker, engine, outcome, phases } = attempt;
  return {
    number,
    worker,
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
