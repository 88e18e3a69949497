// Request and response bodies for apps.

import { z } from "zod";
import { builderSettings, concurrencyPolicies, deploymentStatuses } from "@slipway/core";
import type { DeploymentStatus } from "@slipway/core";
import { pageQuery, paginationBody } from "./pagination.ts";
import { userReference } from "./users.ts";

const builder = z.enum(builderSettings, `must be ${builderSettings.join(", ")}`);
const maxImageName = 512;
const builderImage = z
  .string()
  .max(maxImageName)
  .regex(/^\w[\w.:/@-]*$/, "must be the name of an image, or null")
  .nullable();
const policy = z.enum(concurrencyPolicies, `must be ${concurrencyPolicies.join(", ")}`);

export const createAppRequest = z
  .object({ app: z.object({ name: z.string(), concurrency_policy: policy.optional() }) })
  .meta({ examples: [{ app: { name: "my-app" } }] });

export const changeAppRequest = z
  .object({
    app: z
      .object({ concurrency_policy: policy, builder, builder_image: builderImage, stack_id: z.string() })
      .partial()
      .refine(
        (changes) => Object.keys(changes).length > 0,
        "must have concurrency_policy, builder, builder_image or stack_id",
      ),
  })
  .meta({
    examples: [
      { app: { concurrency_policy: "supersede" } },
      { app: { builder: "dockerfile" } },
      { app: { builder: "cnb", builder_image: "heroku/builder:24" } },
    ],
  });

/** The settings of an app that can be changed. */
export type AppChanges = z.infer<typeof changeAppRequest>["app"];

/** The app's name, repeated as a confirmation. */
export const deleteAppQuery = z.object({
  current_name: z.string("must be the app's name, to confirm the deletion"),
});

export const appBody = z.object({
  id: z.string(),
  name: z.string(),
  region: z.string(),
  owner: userReference,
  project: z.object({ id: z.string(), name: z.string() }),
  /** "stopped": scaled to 0. */
  status: z.enum(["new", "running", "stopped", "restarting", "scaling"]),
  /** The app's public URL. */
  url: z.string(),
  base_url: z.string(),
  git_url: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
  last_deployed_at: z.string().nullable(),
  /** The app's latest deployment, in any status; null before the first one. */
  last_deployment: z
    .object({
      id: z.string(),
      status: z.enum(deploymentStatuses as [DeploymentStatus, ...DeploymentStatus[]]),
      git_ref: z.string().nullable(),
      created_at: z.string(),
      finished_at: z.string().nullable(),
    })
    .nullable(),
  /** What happens to a deployment that is requested while another one is queued or running. */
  concurrency_policy: policy,
  /** The app's builder. With "auto" the source decides. */
  builder: z.enum(builderSettings),
  /** Builder image of Cloud Native Buildpacks; null to use the one in project.toml or the operator's. */
  builder_image: z.string().nullable(),
  /** Name of the stack on which the app is built and run. */
  stack_id: z.string(),
  flags: z.record(z.string(), z.boolean()),
  limits: z.record(z.string(), z.unknown()),
  links: z.object({
    self: z.string(),
    deployments: z.string(),
    variables: z.string(),
    /** An absolute ws:// or wss:// URL. */
    deployments_stream: z.string(),
  }),
});

export const appAnswer = z.object({ app: appBody });

export const appsQuery = pageQuery.extend({
  name: z.string("must be given once").optional().describe("Only apps whose names contain this text."),
});

export const appsAnswer = z.object({
  apps: z.array(appBody),
  /** With page, per_page or name in the query. */
  meta: z.object({ pagination: paginationBody }).optional(),
});

export type AppBody = z.infer<typeof appBody>;
export type AppAnswer = z.infer<typeof appAnswer>;
export type AppsAnswer = z.infer<typeof appsAnswer>;
