// Texts for a deployment's failure and for its timeline, in the API's terms.

import { z } from "zod";
import type { DeploymentBody } from "@slipway/protocol";
import type { ApiClient } from "../client/api-client.ts";

const phase = z.object({ name: z.string(), started_at: z.string(), finished_at: z.string().nullable() });
const timelineAnswer = z.object({
  timeline: z.object({
    attempts: z.array(
      z.object({ number: z.number(), worker: z.string().nullable(), phases: z.array(phase) }),
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

/** The reason, the advice, and the failure's position in the log. */
export function failureLines({ status, failure }: DeploymentBody): string[] {
  if (failure === null) return [`the deployment ended with ${status}`];
  const { hint, line } = failure as { readonly hint?: string | null; readonly line?: number | null };
  const where = line === null || line === undefined ? [] : [`see line ${line} of the log`];
  return [failure.message, ...(hint ? [hint] : []), ...where];
}
