// Bodies about deployments.

import { z } from "zod";
import { deploymentStatuses } from "@slipway/core";
import type { DeploymentStatus } from "@slipway/core";
import { paginationBody } from "./pagination.ts";
import { userReference } from "./users.ts";

const longestGitRef = 255;
const longestHook = 4_096;
const longestUrl = 8 * 1024;

const newDeployment = z
  .object({
    source_url: z
      .string()
      .min(1, "is required")
      .max(longestUrl, `is longer than ${longestUrl} characters`)
      .optional(),
    /** Number of the release whose image is to run again, instead of a source to build. */
    release: z.int("must be a whole number").min(1, "must be at least 1").optional(),
    /** Any text that tells the archive from others; an empty one is none. */
    git_ref: z
      .string()
      .max(longestGitRef, `is longer than ${longestGitRef} characters`)
      .regex(/^\P{Cc}*$/u, "contains control characters")
      .nullish(),
    /** Run before the release takes traffic; the Procfile's `postdeploy` without it. */
    postdeploy_hook: z
      .string()
      .max(longestHook, `is longer than ${longestHook} characters`)
      .refine((hook) => !hook.includes("\0"), "contains a NUL character")
      .nullish(),
  })
  .superRefine(({ source_url: url, release }, context) => {
    if (url === undefined && release === undefined) {
      context.addIssue({ code: "custom", path: ["source_url"], message: "is required" });
    } else if (url !== undefined && release !== undefined) {
      context.addIssue({ code: "custom", path: ["release"], message: "cannot be given with a source_url" });
    }
  });

export const createDeploymentRequest = z.object({ deployment: newDeployment }).meta({
  examples: [
    { deployment: { source_url: "https://example.com/archive/v1.2.0.tar.gz", git_ref: "v1.2.0" } },
    { deployment: { release: 3 } },
  ],
});

/** `1` for events to the deployment's end, else the text so far. */
export const outputQuery = z.object({ follow: z.enum(["0", "1"], "must be 0 or 1").default("0") });

/** Of a deployment that waits. */
export const queueBody = z.object({
  /** Its place among those of the app that wait, from 1. */
  position: z.int(),
  /**
   * What it waits for: an earlier deployment of the app, one of its owner's slots, a worker that has time, or any worker at
   * all; null while that cannot be told.
   */
  reason: z.enum(["app-busy", "owner-slots", "workers-busy", "no-worker"]).nullable(),
});

export const deploymentBody = z.object({
  id: z.string(),
  app_id: z.string(),
  created_at: z.string(),
  finished_at: z.string().nullable(),
  status: z.enum(deploymentStatuses as [DeploymentStatus, ...DeploymentStatus[]]),
  /** release: the image of an earlier one, nothing was built. */
  type: z.enum(["archive", "release"]),
  git_ref: z.string().nullable(),
  previous_git_ref: z.string().nullable(),
  /** Whole seconds from the start of its work to its end; 0 until it has ended. */
  duration: z.int(),
  /** Reference of the image within its registry. */
  image: z.string().nullable(),
  /** Bytes. */
  image_size: z.int().nullable(),
  /** host or host:port */
  registry: z.string().nullable(),
  stack_base_image: z.string().nullable(),
  postdeploy_hook: z.string().nullable(),
  pusher: userReference,
  /** Why it did not end in success. */
  failure: z.object({ code: z.string(), message: z.string() }).nullable(),
  links: z.object({ output: z.string() }),
  /** While it waits; told of a single deployment only. */
  queue: queueBody.optional(),
});

export const deploymentAnswer = z.object({ deployment: deploymentBody });

export const deploymentsAnswer = z.object({
  deployments: z.array(deploymentBody),
  meta: z.object({ pagination: paginationBody }),
});

export type CreateDeploymentBody = z.output<typeof createDeploymentRequest>["deployment"];
export type QueueBody = z.infer<typeof queueBody>;
export type DeploymentBody = z.infer<typeof deploymentBody>;
export type DeploymentAnswer = z.infer<typeof deploymentAnswer>;
export type DeploymentsAnswer = z.infer<typeof deploymentsAnswer>;
export type OutputQuery = z.infer<typeof outputQuery>;
