// Presents apps.

import type { App, DeploymentSummary, Operation, User } from "@slipway/core";
import type { AppBody } from "@slipway/protocol";
import type { Stack } from "@slipway/service";
import type { PublicUrls } from "../config.ts";

/** The URLs that the links to an app begin with. */
export interface AppLocation {
  readonly urls: PublicUrls;
  readonly region: string;
  /** The stacks of the installation, the default first. */
  readonly stacks: readonly Stack[];
}

/** What an app does beside being stored. */
export interface AppActivity {
  /** The app's running operation; null without one. */
  readonly running: Operation | null;
  /** The app's latest deployment; null before the first one. */
  readonly latest: DeploymentSummary | null;
}

const noActivity: AppActivity = { running: null, latest: null };

/** @param owner null if the account was deleted. */
export function presentApp(
  app: App,
  owner: User | null,
  { urls, region, stacks }: AppLocation,
  { running, latest }: AppActivity = noActivity,
): AppBody {
  const self = `${urls.api}/v1/apps/${app.id}`;
  const url = urls.app(app.name);
  return {
    id: app.id,
    name: app.name,
    region,
    owner: { id: app.ownerId, username: owner?.username ?? "", email: owner?.email ?? "" },
    // Scalingo groups apps in projects; Slipway has one per owner.
    project: { id: app.ownerId, name: "default" },
    status: statusOf(app, running),
    url,
    base_url: url,
    git_url: `git@${new URL(urls.api).hostname}:${app.name}.git`,
    created_at: app.createdAt.toISOString(),
    updated_at: app.updatedAt.toISOString(),
    last_deployed_at: app.lastDeployedAt?.toISOString() ?? null,
    last_deployment: latest === null ? null : presentSummary(latest),
    concurrency_policy: app.concurrencyPolicy,
    builder: app.builder,
    builder_image: app.builderImage,
    stack_id: app.stack ?? stacks[0]?.name ?? "",
    flags: {},
    limits: {},
    links: {
      self,
      deployments: `${self}/deployments`,
      variables: `${self}/variables`,
      deployments_stream: `${urls.stream}/apps/${app.name}`,
    },
  };
}

function presentSummary(latest: DeploymentSummary): NonNullable<AppBody["last_deployment"]> {
  const { id, status, gitRef, createdAt, finishedAt } = latest;
  return {
    id,
    status,
    git_ref: gitRef,
    created_at: createdAt.toISOString(),
    finished_at: finishedAt?.toISOString() ?? null,
  };
}

function statusOf(app: App, running: Operation | null): AppBody["status"] {
  if (app.currentReleaseId === null) return "new";
  if (running !== null) return running.kind === "restart" ? "restarting" : "scaling";
  return app.webCount === 0 ? "stopped" : "running";
}
