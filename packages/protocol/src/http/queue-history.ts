// The response body of GET /v1/queue/history, for operators. Redis stores the samples in the same form.

import { z } from "zod";

const seconds = z.number().min(0);

export const queueSample = z.object({
  at: z.string(),
  /** Queued deployments. */
  waiting: z.int(),
  running: z.int(),
  /** Age of the oldest queued deployment; 0 without one. */
  oldest_waiting_seconds: seconds,
  /** Build slots in use, and build slots of all ready workers. */
  slots: z.object({ used: z.int(), total: z.int() }),
  /** Number of the newest hundred deployments that ended in the previous minute. */
  ended: z.int(),
  /** Ended deployments that were neither successful nor aborted. */
  failed: z.int(),
  /** From creation to the first attempt, over the ended deployments; null without any. */
  mean_wait_seconds: seconds.nullable(),
  /** From the first attempt to the end, over the ended deployments; null without any. */
  mean_duration_seconds: seconds.nullable(),
});

export const queueHistoryQuery = z.object({
  /** Number of hours, from 1 to 48. Default: 6. */
  hours: z.coerce.number().int().min(1).max(48).default(6),
});

export const queueHistoryAnswer = z.object({
  history: z.object({
    interval_seconds: z.int(),
    /** Oldest first. Minutes in which the API did not run are missing. */
    samples: z.array(queueSample),
  }),
});

export type QueueSample = z.infer<typeof queueSample>;
export type QueueHistoryAnswer = z.infer<typeof queueHistoryAnswer>;
