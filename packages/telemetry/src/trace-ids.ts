// The ids of a deployment's trace and of its spans. They follow from the deployment's id, so the API and the workers agree on them
// without passing them on, and a span that is exported twice stays one span. One digest has the ids of several spans.

import { hash, randomUUID } from "node:crypto";

/** Lengths in the form of W3C Trace Context: hexadecimal digits. */
const traceIdLength = 32;
const spanIdLength = 16;

/** The trace of a deployment, and the span of the whole deployment in it. */
export function deploymentIds(deploymentId: string): { readonly traceId: string; readonly spanId: string } {
  const digits = digest(JSON.stringify(["trace", deploymentId]));
  return { traceId: digits.slice(0, traceIdLength), spanId: spanId(digits, traceIdLength / spanIdLength) };
}

/** The id of the trace of a deployment. */
export function traceIdOf(deploymentId: string): string {
  return deploymentIds(deploymentId).traceId;
}

/** The ids of the span of an attempt, and of the waits before it: in the lane, or wherever it was, and for a worker. */
export function attemptIds(
  deploymentId: string,
  attempt: number,
): { readonly spanId: string; readonly laneWaitId: string; readonly workerWaitId: string } {
  const digits = digest(`attempt ${attempt} ${deploymentId}`);
  return { spanId: spanId(digits, 0), laneWaitId: spanId(digits, 1), workerWaitId: spanId(digits, 2) };
}

/** The id of the span of a phase. */
export function phaseSpanId(
  deploymentId: string,
  attempt: number,
  { name, startedAt }: { readonly name: string; readonly startedAt: Date },
): string {
  return spanId(digest(`phase ${attempt} ${startedAt.getTime()} ${name} ${deploymentId}`), 0);
}

/** An id for a span that is exported once. UUIDs are drawn from a pool, so most take no system call. */
export function randomSpanId(): string {
  return randomUUID().replaceAll("-", "").slice(-spanIdLength);
}

function spanId(digits: string, index: number): string {
  return digits.slice(index * spanIdLength, (index + 1) * spanIdLength);
}

function digest(text: string): string {
  return hash("sha256", text);
}
