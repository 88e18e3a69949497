// Response bodies for operations.

import { z } from "zod";
import { operationStatuses } from "@slipway/core";

export const operationBody = z.object({
  id: z.string(),
  app_id: z.string(),
  type: z.enum(["restart", "scale"]),
  status: z.enum(operationStatuses),
  /** The error message when the status is "error"; empty otherwise. */
  error: z.string(),
  created_at: z.string(),
  started_at: z.string().nullable(),
  finished_at: z.string().nullable(),
});

export const operationAnswer = z.object({ operation: operationBody });

export type OperationBody = z.infer<typeof operationBody>;
export type OperationAnswer = z.infer<typeof operationAnswer>;
