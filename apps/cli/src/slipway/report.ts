// Texts for a deployment's failure and for its timeline, in the API's terms.

import { z } from "zod";
import type { DeploymentBody } from "@slipway/protocol";
import { ageText, durationText, waitText } from "@slipway/protocol/presentation";
import type { ApiClient } from "../client/api-client.ts";

const phase = z.object({ name: z.string(), started_at: z.string(), finished_at: z.string().nullable() });
const timelineAnswer = z.object({
  timeline: z.object({
    attempts: z.array(
      z.object({
        number: z.number(),
        worker: z.string().nullable(),
        worker_state: z.string().nullish(),
        finished_at: z.string().nullish(),
        phases: z.array(phase),
      }),
    ),
  }),
});
export type Timeline = z.infer<typeof timelineAnswer>["timeline"];

/** Undefined from a Slipway version without timelines. */
export async function readTimeline(api: ApiClient, app: string, id: string): Promise<Timeline | undefined> {
  return (await api.find(`/apps/${app}/deployments/${id}/timeline`, timelineAnswer))?.timeline;
}

/** One line for each phase that ended: its name and its seconds. */
export function phaseLines(timeline: Timeline | undefined): string[] {
  return (timeline?.attempts ?? []).flatMap(({ number, phases }) =>
    phases.flatMap(({ name, started_at: start, finished_at: end }) => {
      if (end === null) return [];
      const seconds = ((Date.parse(end) - Date.parse(start)) / 1000).toFixed(1);
      return [`${name.padEnd(14)}${seconds.padStart(7)} s${number > 1 ? `  attempt ${number}` : ""}`];
    }),
  );
}

/** What the deployment does or how it ended, and since when. @param now in milliseconds since 1970. */
export function progressLines(
  deployment: DeploymentBody,
  timeline: Timeline | undefined,
  now: number,
): string[] {
  const { id, git_ref: ref, status, pusher, created_at: created, finished_at: finished } = deployment;
  const made = `${ref === null ? "" : `${ref}, `}created ${since(created, now)} by ${pusher.username}`;
  const ended = finished === null ? "" : `, ended ${since(finished, now)} after ${deployment.duration} s`;
  const head = `deployment ${id}: ${status}, ${made}${ended}`;
  if (status === "queued") return [head, ...queueLines(deployment)];
  if (finished === null) return [head, ...runningLines(timeline, now)];
  return deployment.failure === null ? [head] : [head, ...failureLines(deployment)];
}

function queueLines({ queue }: DeploymentBody): string[] {
  if (queue === undefined) return [];
  const { position, reason, estimated_seconds: seconds } = queue;
  const start = seconds == null ? "" : `, starts in about ${durationText(seconds * 1000)}`;
  return [`position ${position}, waits for ${waitText(reason)}${start}`];
}

function runningLines(timeline: Timeline | undefined, now: number): string[] {
  const attempt = timeline?.attempts.at(-1);
  if (attempt === undefined || attempt.finished_at != null) return [];
  const { number, worker, worker_state: state, phases } = attempt;
  const running = phases.filter(({ finished_at: end }) => end === null);
  const where = `${worker ?? "an unknown worker"}${number > 1 ? `, attempt ${number}` : ""}`;
  const lost = `${where} sends no heartbeat; another worker starts the deployment over unless it returns`;
  return [
    ...running.map(
      ({ name, started_at: start }) => `${name} for ${durationText(now - Date.parse(start))} on ${where}`,
    ),
    ...(state === "lost" ? [lost] : []),
  ];
}

function since(time: string, now: number): string {
  return ageText(now - Date.parse(time));
}

/** The reason, the advice, and the failure's position in the log. */
export function failureLines({ status, failure }: DeploymentBody): string[] {
  if (failure === null) return [`the deployment ended with ${status}`];
  const { hint, line } = failure as { readonly hint?: string | null; readonly line?: number | null };
  const where = line === null || line === undefined ? [] : [`see line ${line} of the log`];
  return [failure.message, ...(hint ? [hint] : []), ...where];
}
