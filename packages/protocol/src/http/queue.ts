// The response body of GET /v1/queue, for operators.

import { z } from "zod";
import { waitReasons } from "./timeline.ts";

export const queueAnswer = z.object({
  queue: z.object({
    /** Queued deployments. */
    waiting: z.int(),
    running: z.int(),
    /** When the oldest of the waiting was created. */
    oldest_waiting_at: z.string().nullable(),
    /** Whether workers take no deployments, because an operator paused the queue. */
    paused: z.boolean(),
    /** Waiting deployments by what they wait for, of the oldest 500. */
    by_reason: z.partialRecord(z.enum(waitReasons), z.int()),
    slots: z.object({
      /** Deployments that workers build. */
      used: z.int(),
      /** Slots of all ready workers. */
      total: z.int(),
      /** Part of the total that one owner leaves to the others. */
      reserved: z.int(),
    }),
    /** The waiting deployments times the mean duration of the last day's; null without any. */
    seconds_of_work: z.number().nullable(),
    /** The oldest 100. */
    deployments: z.array(
      z.object({
        /** Null when the app was deleted. */
        app_name: z.string().nullable(),
        deployment_id: z.string(),
        owner: z.string().nullable(),
        /** Among the queued deployments of its app, from 1. */
        position: z.int(),
        /** Null when Redis cannot answer. */
        reason: z.enum(waitReasons).nullable(),
        waiting_since: z.string(),
        /** Seconds until it is likely to start; null when it is unknown. */
        estimated_seconds: z.int().nullable(),
      }),
    ),
  }),
});

export type QueueAnswer = z.infer<typeof queueAnswer>;
