// Request and response bodies for an app's process types, their amounts, and its containers.

import { z } from "zod";

const maxTypes = 20;
const maxNameChars = 64;

/** The only container size. The operator configures its resources. */
export const containerSize = "M";

export const scaleRequest = z
  .object({
    containers: z
      .array(
        z.object({
          name: z.string().min(1, "is required").max(maxNameChars, "is too long"),
          amount: z.int("must be a whole number"),
          size: z.string().nullish(),
        }),
      )
      .min(1, "must name a process type")
      .max(maxTypes, "are too many"),
  })
  .meta({ examples: [{ containers: [{ name: "web", amount: 2, size: containerSize }] }] });

/** Restarts the process types or containers in the scope; the whole app when the scope is absent or empty. */
export const restartRequest = z
  .object({ scope: z.array(z.string().max(maxNameChars, "is too long")).max(1_000, "is too long").nullish() })
  .meta({ examples: [{ scope: ["web"] }] });

export const containerTypeBody = z.object({
  app_id: z.string(),
  name: z.string(),
  amount: z.int(),
  command: z.string(),
  size: z.string(),
});

export const containerTypesAnswer = z.object({ containers: z.array(containerTypeBody) });

export const containerBody = z.object({
  id: z.string(),
  app_id: z.string(),
  type: z.string(),
  type_index: z.int(),
  /** Type and index, e.g. web-1. */
  label: z.string(),
  state: z.enum(["starting", "running", "restarting", "stopped"]),
  command: z.string(),
  created_at: z.string(),
  deleted_at: z.null(),
  /** Why Slipway restarted the container; null when it did not. */
  restart_reason: z.string().nullable(),
  container_size: z.object({
    id: z.string(),
    name: z.string(),
    human_name: z.string(),
    human_cpu: z.string(),
    /** Bytes. */
    memory: z.number(),
  }),
});

export const containersAnswer = z.object({ containers: z.array(containerBody) });

/** Always empty. Scalingo's clients request the autoscalers before they scale. */
export const autoscalersAnswer = z.object({ autoscalers: z.array(z.never()) });

export type ContainerBody = z.infer<typeof containerBody>;
export type ContainersAnswer = z.infer<typeof containersAnswer>;
export type ContainerTypeBody = z.infer<typeof containerTypeBody>;
export type ContainerTypesAnswer = z.infer<typeof containerTypesAnswer>;
