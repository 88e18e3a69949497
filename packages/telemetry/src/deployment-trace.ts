// The trace of a deployment, derived from its timeline at its end: the deployment, its waits, its attempts and their phases. Service
// calls, and the request that created the deployment, are reported where they happen, with the ids of this trace.

import type { AttemptRecord, Deployment, DeploymentEvents, PhaseRecord } from "@slipway/core";
import { isTraced, reportSpan, withinSpan } from "./spans.ts";
import type { SpanParent, SpanRecord } from "./spans.ts";
import { attemptIds, deploymentIds, phaseSpanId, traceIdOf } from "./trace-ids.ts";

/** @returns the events, extended to export the trace of each deployment that ends. A deployment ends when its log is sealed. */
export function traceEnds(events: DeploymentEvents): DeploymentEvents {
  return {
    ...events,
    statusChanged: (deployment) => {
      if (isTraced()) for (const span of deploymentSpans(deployment)) reportSpan(span);
      return events.statusChanged(deployment);
    },
  };
}

/** Runs the work of an attempt's phase; its service calls become children of the phase's span. */
export function tracePhase<T>(
  { id, attempt }: Pick<Deployment, "id" | "attempt">,
  phase: PhaseRecord,
  work: () => T,
): T {
  return withinSpan(() => ({ traceId: traceIdOf(id), spanId: phaseSpanId(id, attempt, phase) }), work);
}

/** The spans of an ended deployment; none before its end. */
export function deploymentSpans(deployment: Deployment): SpanRecord[] {
  const { id, createdAt, finishedAt, timeline } = deployment;
  if (finishedAt === null || deployment.logSha256 === null) return [];
  const whole = deploymentIds(id);
  const spans = [wholeSpan(whole, deployment, finishedAt)];
  // The timeline contains only the latest attempts: the time before the first of them is unknown.
  let waitsSince = (timeline[0]?.number ?? 1) > 1 ? null : createdAt;
  let lastNumber = 0;
  for (const attempt of timeline) {
    lastNumber = attempt.number;
    const ids = attemptIds(id, lastNumber);
    const endedAt = attempt.finishedAt ?? finishedAt;
    const { startedAt, jobAddedAt } = attempt;
    if (waitsSince !== null) addWaits(spans, whole, { ids, from: waitsSince, to: startedAt, jobAddedAt });
    const parent = { traceId: whole.traceId, spanId: ids.spanId };
    spans.push(attemptSpan(whole, ids.spanId, attempt, endedAt));
    for (const phase of attempt.phases)
      spans.push(phaseSpan(parent, phaseSpanId(id, lastNumber, phase), phase, endedAt));
    waitsSince = endedAt;
  }
  if (waitsSince !== null && waitsSince < finishedAt) {
    const ids = attemptIds(id, lastNumber + 1);
    addWaits(spans, whole, { ids, from: waitsSince, to: finishedAt, jobAddedAt: null });
  }
  return spans;
}

function wholeSpan(ids: SpanParent, deployment: Deployment, finishedAt: Date): SpanRecord {
  const attributes = {
    "slipway.deployment.id": deployment.id,
    "slipway.deployment.number": deployment.number,
    "slipway.deployment.status": deployment.status,
    "slipway.app.id": deployment.appId,
  };
  // Messages are omitted, because they may quote the output of apps.
  const failure = deployment.failure?.code ?? null;
  const { traceId, spanId } = ids;
  const name = "deployment";
  const startedAt = deployment.createdAt;
  return {
    traceId,
    spanId,
    parentSpanId: null,
    name,
    kind: "internal",
    startedAt,
    finishedAt,
    failure,
    attributes,
  };
}

interface Wait {
  readonly ids: ReturnType<typeof attemptIds>;
  readonly from: Date;
  readonly to: Date;
  readonly jobAddedAt: Date | null;
}

/** Before its first attempt, and after each attempt that did not end it, a deployment waits in its lane, then for a worker. */
function addWaits(spans: SpanRecord[], whole: SpanParent, { ids, from, to, jobAddedAt }: Wait): void {
  const add = (name: string, spanId: string, startedAt: Date, finishedAt: Date) => {
    if (startedAt < finishedAt)
      spans.push(child(whole, { spanId, name, startedAt, finishedAt, failure: null, attributes: none }));
  };
  if (jobAddedAt === null) {
    add("wait", ids.laneWaitId, from, to);
    return;
  }
  const between = new Date(Math.min(Math.max(+jobAddedAt, +from), +to));
  add("wait in the lane", ids.laneWaitId, from, between);
  add("wait for a worker", ids.workerWaitId, between, to);
}

function attemptSpan(
  whole: SpanParent,
  spanId: string,
  attempt: AttemptRecord,
  finishedAt: Date,
): SpanRecord {
  const { number, worker, engine, startedAt, outcome } = attempt;
  const attributes: Attributes = { "slipway.attempt.number": number };
  if (worker !== null) attributes["slipway.worker"] = worker;
  if (engine !== null) attributes["slipway.engine"] = engine;
  if (outcome !== null) attributes["slipway.attempt.outcome"] = outcome;
  const failure = outcome === "failed" || outcome === "lost" ? outcome : null;
  return child(whole, { spanId, name: "attempt", startedAt, finishedAt, failure, attributes });
}

function phaseSpan(
  attempt: SpanParent,
  spanId: string,
  phase: PhaseRecord,
  attemptEndedAt: Date,
): SpanRecord {
  const { name, startedAt, bytes, reused, outcome } = phase;
  const attributes: Attributes = {};
  if (bytes !== null) attributes["slipway.phase.bytes"] = bytes;
  if (reused.length > 0) attributes["slipway.phase.reused"] = reused;
  const finishedAt = phase.finishedAt ?? attemptEndedAt;
  const failure = outcome === "failed" ? "failed" : null;
  return child(attempt, { spanId, name, startedAt, finishedAt, failure, attributes });
}

type Attributes = Record<string, SpanRecord["attributes"][string]>;

const none: Attributes = {};

/** Names each property, because copying them with a spread takes several times as long. */
function child(parent: SpanParent, own: Omit<SpanRecord, "traceId" | "parentSpanId" | "kind">): SpanRecord {
  const { spanId, name, startedAt, finishedAt, failure, attributes } = own;
  const { traceId, spanId: parentSpanId } = parent;
  return {
    traceId,
    spanId,
    parentSpanId,
    name,
    kind: "internal",
    startedAt,
    finishedAt,
    failure,
    attributes,
  };
}
