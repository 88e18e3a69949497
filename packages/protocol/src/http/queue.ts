// The response body of GET /v1/queue, for operators.

import { z } from "zod";
import { waitReasons } from "./timeline.ts";

export const queueAnswer = z.object({
  queue: z.object({
    /** Queued deployments. */
    waiting: z.int(),
    running: z.int(),
    /** Creation time of the oldest waiting deployment. */
    oldest_waiting_at: z.string().nullable(),
    /** Whether an operator paused the queue, so that workers take no deployments. */
    paused: z.boolean(),
    /** The oldest 500 waiting deployments, counted by the reason for waiting. */
    by_reason: z.partialRecord(z.enum(waitReasons), z.int()),
    slots: z.object({
      /** Number of deployments that workers currently build. */
      used: z.int(),
      /** Slots of all ready workers. */
      total: z.int(),
      /** Slots of the total that one owner leaves to other owners. */
      reserved: z.int(),
    }),
    /** Number of waiting deployments times the mean duration of the last day's; null without any. */
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
        /** Null when Redis is unavailable. */
        reason: z.enum(waitReasons).nullable(),
        waiting_since: z.string(),
        /** Estimated seconds until the start; null when it is unknown. */
        estimated_seconds: z.int().nullable(),
      }),
    ),
  }),
});

export type QueueAnswer = z.infer<typeof queueAnswer>;
