// The trace of a deployment, made from its timeline when it has ended: the deployment, its waits, its attempts and their phases. The
// calls of services, and the request that created the deployment, are reported where they happen, with the ids of this trace.

import type { AttemptRecord, Deployment, DeploymentEvents, PhaseRecord } from "@slipway/core";
import { isTraced, reportSpan, withinSpan } from "./spans.ts";
import type { SpanRecord } from "./spans.ts";
import { attemptSpanId, deploymentSpanId, phaseSpanId, traceIdOf, waitSpanId } from "./trace-ids.ts";

/** @returns the events, which also export the trace of each deployment that ends. A deployment ends when its log is sealed. */
export function traceEnds(events: DeploymentEvents): DeploymentEvents {
  return {
    ...events,
    statusChanged: (deployment) => {
      if (isTraced()) for (const span of deploymentSpans(deployment)) reportSpan(span);
      return events.statusChanged(deployment);
    },
  };
}

/** Runs the work of a phase of an attempt; the calls of services that it makes become children of the phase's span. */
export function tracePhase<T>(
  { id, attempt }: Pick<Deployment, "id" | "attempt">,
  phase: PhaseRecord,
  work: () => T,
): T {
  return withinSpan(() => ({ traceId: traceIdOf(id), spanId: phaseSpanId(id, attempt, phase) }), work);
}

/** The spans of a deployment that has ended; none before. */
export function deploymentSpans(deployment: Deployment): SpanRecord[] {
  const { id, status, createdAt, finishedAt, timeline, failure } = deployment;
  if (finishedAt === null || deployment.logSha256 === null) return [];
  const whole: SpanRecord = {
    traceId: traceIdOf(id),
    spanId: deploymentSpanId(id),
    parentSpanId: null,
    name: "deployment",
    kind: "internal",
    startedAt: createdAt,
    finishedAt,
    // Messages are left out: they may quote the output of apps.
    failure: failure?.code ?? null,
    attributes: {
      "slipway.deployment.id": id,
      "slipway.deployment.number": deployment.number,
      "slipway.deployment.status": status,
      "slipway.app.id": deployment.appId,
    },
  };
  const attempts = timeline.flatMap((attempt) => attemptSpans(whole, id, attempt, finishedAt));
  return [whole, ...waitSpans(whole, id, timeline), ...attempts];
}

/** Before its first attempt, and after each attempt that did not end it, a deployment waits in its lane, then for a worker. */
function waitSpans(whole: SpanRecord, id: string, timeline: readonly AttemptRecord[]): SpanRecord[] {
  const starts = [whole.startedAt, ...timeline.map((attempt) => attempt.finishedAt ?? whole.finishedAt)];
  return starts.flatMap((from, index) => {
    const next = timeline[index];
    // The timeline has the latest attempts only: what came before the first of them is unknown.
    if (index === 0 && (next?.number ?? 1) > 1) return [];
    const to = next?.startedAt ?? whole.finishedAt;
    const added = next?.jobAddedAt ?? null;
    const between = added === null ? to : new Date(Math.min(Math.max(+added, +from), +to));
    const parts =
      added === null
        ? [{ name: "wait", startedAt: from, finishedAt: to }]
        : [
            { name: "wait in the lane", startedAt: from, finishedAt: between },
            { name: "wait for a worker", startedAt: between, finishedAt: to },
          ];
    return parts
      .filter(({ startedAt, finishedAt }) => startedAt < finishedAt)
      .map((part) => child(whole, { ...part, spanId: waitSpanId(id, part.name, part.startedAt) }));
  });
}

function attemptSpans(whole: SpanRecord, id: string, attempt: AttemptRecord, endedAt: Date): SpanRecord[] {
  const { number, worker, engine, startedAt, outcome } = attempt;
  const finishedAt = attempt.finishedAt ?? endedAt;
  const span: SpanRecord = {
    ...child(whole, { spanId: attemptSpanId(id, number), name: "attempt", startedAt, finishedAt }),
    failure: outcome === "failed" || outcome === "lost" ? outcome : null,
    attributes: {
      "slipway.attempt.number": number,
      ...(worker === null ? {} : { "slipway.worker": worker }),
      ...(engine === null ? {} : { "slipway.engine": engine }),
      ...(outcome === null ? {} : { "slipway.attempt.outcome": outcome }),
    },
  };
  return [span, ...attempt.phases.map((phase) => phaseSpan(span, id, number, phase))];
}

function phaseSpan(attempt: SpanRecord, id: string, number: number, phase: PhaseRecord): SpanRecord {
  const { name, startedAt, bytes, reused, outcome } = phase;
  const finishedAt = phase.finishedAt ?? attempt.finishedAt;
  return {
    ...child(attempt, { spanId: phaseSpanId(id, number, phase), name, startedAt, finishedAt }),
    failure: outcome === "failed" ? "failed" : null,
    attributes: {
      ...(bytes === null ? {} : { "slipway.phase.bytes": bytes }),
      ...(reused.length === 0 ? {} : { "slipway.phase.reused": reused }),
    },
  };
}

function child(
  { traceId, spanId: parentSpanId }: SpanRecord,
  own: Pick<SpanRecord, "spanId" | "name" | "startedAt" | "finishedAt">,
): SpanRecord {
  return { traceId, parentSpanId, kind: "internal", failure: null, attributes: {}, ...own };
}
