// The ids of a deployment's trace and of its spans. They follow from the deployment's id, so the API and the workers agree on them
// without passing them on, and a span that is exported twice stays one span.

import { hash, randomUUID } from "node:crypto";

/** Lengths in the form of W3C Trace Context: hexadecimal digits. */
const traceIdLength = 32;
const spanIdLength = 16;

/** The id of the trace of a deployment. */
export function traceIdOf(deploymentId: string): string {
  return digest(["trace", deploymentId]).slice(0, traceIdLength);
}

/** The id of the span of a whole deployment. */
export function deploymentSpanId(deploymentId: string): string {
  return spanId(["deployment", deploymentId]);
}

/** The id of the span of an attempt. */
export function attemptSpanId(deploymentId: string, attempt: number): string {
  return spanId(["attempt", deploymentId, attempt]);
}

/** The id of the span of a phase. */
export function phaseSpanId(
  deploymentId: string,
  attempt: number,
  { name, startedAt }: { readonly name: string; readonly startedAt: Date },
): string {
  return spanId(["phase", deploymentId, attempt, name, startedAt.getTime()]);
}

/** The id of the span of the wait before an attempt. */
export function waitSpanId(deploymentId: string, name: string, startedAt: Date): string {
  return spanId(["wait", deploymentId, name, startedAt.getTime()]);
}

/** An id for a span that is exported once. UUIDs are drawn from a pool, so most take no system call. */
export function randomSpanId(): string {
  return randomUUID().replaceAll("-", "").slice(-spanIdLength);
}

function spanId(path: readonly (string | number)[]): string {
  return digest(path).slice(0, spanIdLength);
}

function digest(path: readonly (string | number)[]): string {
  return hash("sha256", JSON.stringify(path));
}
