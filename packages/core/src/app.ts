// An app: the target of deployments, with a pointer to the release that serves it.

import type { BuilderSetting } from "./builder.ts";
import { invalidField } from "./errors.ts";

/** The TCP address at which an instance accepts requests. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface App {
  readonly id: string;
  readonly name: string;
  readonly ownerId: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** Set when deletion was requested. From then on the app is invisible to clients, and workers remove its data. */
  readonly deletedAt: Date | null;
  /** Incremented by every stored change. */
  readonly revision: number;
  readonly currentReleaseId: string | null;
  /** The rollout that serves. Its id is the release's id after a deployment, or the operation's id after a restart or scaling. */
  readonly currentRolloutId: string | null;
  /** Addresses of the current rollout's instances; empty when no instance serves. */
  readonly targets: readonly Address[];
  /** Desired number of web instances, 0 to `maxWebCount`. */
  readonly webCount: number;
  readonly concurrencyPolicy: ConcurrencyPolicy;
  readonly builder: BuilderSetting;
  /** Builder image of Cloud Native Buildpacks; null to use the source's or the operator's. */
  readonly builderImage: string | null;
  /** Name of the app's stack; null for the default stack. */
  readonly stack: string | null;
  readonly lastDeployedAt: Date | null;
  /** Part of the build cache's key. Incrementing it discards the cache, including one that a running build has yet to save. */
  readonly cacheVersion: number;
}

export const maxWebCount = 100;

/**
 * What happens to a deployment that is created while another one of the app waits or runs: it joins the lane ("queue"),
 * replaces the queued deployments ("supersede"), or is rejected ("reject").
 */
export const concurrencyPolicies = ["queue", "supersede", "reject"] as const;
export type ConcurrencyPolicy = (typeof concurrencyPolicies)[number];

export interface NewApp {
  readonly id: string;
  readonly name: string;
  readonly ownerId: string;
  readonly createdAt: Date;
  readonly concurrencyPolicy?: ConcurrencyPolicy;
}

/** Lower-case letters, digits and inner hyphens, 2 to 48 characters: also a valid host label and image repository. */
const appName = /^[a-z](?:[a-z0-9-]{0,46}[a-z0-9])$/;

/** @throws {SlipwayError} "invalid" with the rule for names. */
export function checkAppName(name: string): void {
  if (!isAppName(name)) {
    throw invalidField(
      "name",
      "must be 2 to 48 lower-case letters, digits or single hyphens, begin with a letter and not end with a hyphen",
    );
  }
}

/** Whether an app may have this name. */
export function isAppName(name: string): boolean {
  return appName.test(name) && !name.includes("--");
}

/** Creates an app with default settings. @throws {SlipwayError} "invalid" when its name is not allowed. */
export function newApp(request: NewApp): App {
  checkAppName(request.name);
  return {
    concurrencyPolicy: "queue",
    builder: "auto",
    builderImage: null,
    stack: null,
    ...request,
    updatedAt: request.createdAt,
    deletedAt: null,
    revision: 1,
    currentReleaseId: null,
    currentRolloutId: null,
    targets: [],
    webCount: 1,
    lastDeployedAt: null,
    cacheVersion: 1,
  };
}

/** Returns the app with the changes applied and the revision incremented; the caller stores it by compare-and-set. */
export function changeApp(
  app: App,
  at: Date,
  changes: Partial<
    Pick<
      App,
      | "deletedAt"
      | "currentReleaseId"
      | "currentRolloutId"
      | "targets"
      | "webCount"
      | "concurrencyPolicy"
      | "builder"
      | "builderImage"
      | "stack"
      | "lastDeployedAt"
      | "cacheVersion"
    >
  >,
): App {
  return { ...app, ...changes, updatedAt: at, revision: app.revision + 1 };
}
