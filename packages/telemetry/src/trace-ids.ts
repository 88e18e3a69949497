// The ids of a deployment's trace and of its spans. They are derived from the deployment's id, so the API and the workers agree on them
// without passing them on, and a span that is exported twice remains one span. One digest contains the ids of several spans.

import { hash, randomUUID } from "node:crypto";

/** Lengths in W3C Trace Context, in hexadecimal digits. */
const traceIdLength = 32;
const spanIdLength = 16;

/** Ids of a deployment's trace, and of the span for the whole deployment. */
export function deploymentIds(deploymentId: string): { readonly traceId: string; readonly spanId: string } {
  const digits = digest(JSON.stringify(["trace", deploymentId]));
  return { traceId: digits.slice(0, traceIdLength), spanId: spanId(digits, traceIdLength / spanIdLength) };
}

/** Id of a deployment's trace. */
export function traceIdOf(deploymentId: string): string {
  return deploymentIds(deploymentId).traceId;
}

/** Ids of the span of an attempt, and of the spans of the waits before it: in the lane, and for a worker. */
export function attemptIds(
  deploymentId: string,
  attempt: number,
): { readonly spanId: string; readonly laneWaitId: string; readonly workerWaitId: string } {
  const digits = digest(`attempt ${attempt} ${deploymentId}`);
  return { spanId: spanId(digits, 0), laneWaitId: spanId(digits, 1), workerWaitId: spanId(digits, 2) };
}

/** Id of a phase's span. */
export function phaseSpanId(
  deploymentId: string,
  attempt: number,
  { name, startedAt }: { readonly name: string; readonly startedAt: Date },
): string {
  return spanId(digest(`phase ${attempt} ${startedAt.getTime()} ${name} ${deploymentId}`), 0);
}

/** An id for a span that is exported once. UUIDs are generated in batches, so most need no system call. */
export function randomSpanId(): string {
  return randomUUID().replaceAll("-", "").slice(-spanIdLength);
}

function spanId(digits: string, index: number): string {
  return digits.slice(index * spanIdLength, (index + 1) * spanIdLength);
}

function digest(text: string): string {
  return hash("sha256", text);
}
