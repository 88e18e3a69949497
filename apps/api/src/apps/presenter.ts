// Presents apps.

import type { App, Operation, User } from "@slipway/core";
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

/** @param owner null if the account was deleted. @param running the app's running operation. */
export function presentApp(
  app: App,
  owner: User | null,
  { urls, region, stacks }: AppLocation,
  running: Operation | null = null,
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

function statusOf(app: App, running: Operation | null): AppBody["status"] {
  if (app.currentReleaseId === null) return "new";
  if (running !== null) return running.kind === "restart" ? "restarting" : "scaling";
  return app.webCount === 0 ? "stopped" : "running";
}
