// Request and response bodies for deployments.

import { z } from "zod";
import { deploymentStatuses, maxImageReferenceChars } from "@slipway/core";
import type { DeploymentStatus } from "@slipway/core";
import { pageQuery, paginationBody } from "./pagination.ts";
import { waitReasons } from "./timeline.ts";
import { userReference } from "./users.ts";

const maxGitRefChars = 255;
const maxHookChars = 4_096;
const maxUrlChars = 8 * 1024;
const maxStatusesChars = 500;

const newDeployment = z
  .object({
    source_url: z
      .string()
      .min(1, "is required")
      .max(maxUrlChars, `is longer than ${maxUrlChars} characters`)
      .optional(),
    /** An existing image, by digest: it is copied and started, without a build. */
    image: z
      .string()
      .min(1, "is required")
      .max(maxImageReferenceChars, `is longer than ${maxImageReferenceChars} characters`)
      .optional(),
    /** The number of a release to deploy again, instead of a source to build. */
    release: z.int("must be a whole number").min(1, "must be at least 1").optional(),
    /** Any text that identifies the source. An empty text counts as none. */
    git_ref: z
      .string()
      .max(maxGitRefChars, `is longer than ${maxGitRefChars} characters`)
      .regex(/^\P{Cc}*$/u, "contains control characters")
      .nullish(),
    /** A command that runs before the release receives traffic; the Procfile's `postdeploy` by default. */
    postdeploy_hook: z
      .string()
      .max(maxHookChars, `is longer than ${maxHookChars} characters`)
      .refine((hook) => !hook.includes("\0"), "contains a NUL character")
      .nullish(),
  })
  .superRefine(({ source_url, image, release }, context) => {
    const [given, ...others] = Object.entries({ source_url, image, release }).filter(
      ([, value]) => value !== undefined,
    );
    if (given === undefined) {
      context.addIssue({ code: "custom", path: ["source_url"], message: "is required" });
    }
    for (const [name] of others) {
      context.addIssue({
        code: "custom",
        path: [name],
        message: `cannot be given together with ${given?.[0]}`,
      });
    }
  });

export const createDeploymentRequest = z.object({ deployment: newDeployment }).meta({
  examples: [
    { deployment: { source_url: "https://example.com/archive/v1.2.0.tar.gz", git_ref: "v1.2.0" } },
    { deployment: { release: 3 } },
    { deployment: { image: `registry.example.com/team/app@sha256:${"3f".repeat(32)}` } },
  ],
});

const flag = z.enum(["0", "1"], "must be 0 or 1").default("0");

export const outputQuery = z.object({
  follow: flag.describe(
    "`1` follows the log to the deployment's end, as events or, with `Accept: text/plain`, as text; `0` returns the log so far.",
  ),
  timestamps: flag.describe("`1` puts its time and a space before each line of text."),
});

/** The queue state of a deployment that has not started. */
export const queueBody = z.object({
  /** Its position among the app's queued deployments, from 1. */
  position: z.int(),
  /** The reason for waiting, as in the timeline; null when Redis is unavailable. */
  reason: z.enum(waitReasons).nullable(),
  /** Estimated seconds until the start, from recent durations; null when it is unknown. */
  estimated_seconds: z.int().nullable(),
});

/** Why a deployment failed. */
export const failureBody = z.object({
  code: z.string(),
  /** What happened, in the words of the buildpack or the program if it reported something. */
  message: z.string(),
  /** What to do about it. */
  hint: z.string().nullable(),
  /** The phase that failed, as in the timeline. */
  phase: z.string().nullable(),
  /** Number of the log line with the reason. */
  line: z.int().nullable(),
});

export const deploymentBody = z.object({
  id: z.string(),
  app_id: z.string(),
  created_at: z.string(),
  finished_at: z.string().nullable(),
  status: z.enum(deploymentStatuses as [DeploymentStatus, ...DeploymentStatus[]]),
  /** "release": deploys the image of an earlier release; "image": an existing image. Neither is built. */
  type: z.enum(["archive", "release", "image"]),
  git_ref: z.string().nullable(),
  previous_git_ref: z.string().nullable(),
  /** Whole seconds from the start to the end; 0 until it has ended. */
  duration: z.int(),
  /** The image's reference within its registry. */
  image: z.string().nullable(),
  /** Bytes. */
  image_size: z.int().nullable(),
  /** host or host:port */
  registry: z.string().nullable(),
  stack_base_image: z.string().nullable(),
  postdeploy_hook: z.string().nullable(),
  pusher: userReference,
  /** Null unless the deployment failed. */
  failure: failureBody.nullable(),
  links: z.object({ output: z.string() }),
  /** Present while the deployment is queued, and only in the response for a single deployment. */
  queue: queueBody.optional(),
});

export const deploymentAnswer = z.object({ deployment: deploymentBody });

export const deploymentsAnswer = z.object({
  deployments: z.array(deploymentBody),
  meta: z.object({ pagination: paginationBody }),
});

/** A deployment in the list over all apps. */
export const listedDeploymentBody = deploymentBody.extend({
  /** Null when the app was deleted. */
  app_name: z.string().nullable(),
  /** User name of the app's owner at the deployment's creation; null when the user was deleted. */
  owner: z.string().nullable(),
});

export const allDeploymentsAnswer = z.object({
  deployments: z.array(listedDeploymentBody),
  meta: z.object({ pagination: paginationBody }),
});

const isStatuses = (text: string) =>
  text.split(",").every((status) => (deploymentStatuses as readonly string[]).includes(status));

export const allDeploymentsQuery = pageQuery.extend({
  status: z
    .string("must be given once")
    .max(maxStatusesChars)
    .refine(isStatuses, `must be one or more of ${deploymentStatuses.join(", ")}, separated by commas`)
    .optional()
    .describe("Statuses, separated by commas. Any by default."),
  owner: z.string("must be given once").optional().describe("User name of the app's owner."),
  app: z.string("must be given once").optional().describe("Name or id of the app."),
  since: z.iso
    .datetime({ offset: true, error: "must be a time such as 2026-03-04T05:06:07Z" })
    .optional()
    .describe("Only deployments created then or later."),
});

export type ListedDeploymentBody = z.infer<typeof listedDeploymentBody>;
export type AllDeploymentsQuery = z.output<typeof allDeploymentsQuery>;
export type CreateDeploymentBody = z.output<typeof createDeploymentRequest>["deployment"];
export type QueueBody = z.infer<typeof queueBody>;
export type DeploymentBody = z.infer<typeof deploymentBody>;
export type DeploymentAnswer = z.infer<typeof deploymentAnswer>;
export type DeploymentsAnswer = z.infer<typeof deploymentsAnswer>;
export type OutputQuery = z.infer<typeof outputQuery>;
