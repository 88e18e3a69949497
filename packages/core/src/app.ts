// An app: the name that deployments go to, and the pointer to the release that serves it.

import { invalidField } from "./errors.ts";

/** Where a running process takes traffic. */
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
  /** Set when its removal was asked for: it is invisible from then on, and workers take its parts away. */
  readonly deletedAt: Date | null;
  /** Grows by one with every stored change. */
  readonly revision: number;
  readonly currentReleaseId: string | null;
  /** The set of running instances that serves: of a deployment its release's id, of a restart or a scaling the operation's. */
  readonly currentRolloutId: string | null;
  /** Where the instances of the current rollout answer; empty when nothing serves. */
  readonly targets: readonly Address[];
  /** How many instances of the web process are wanted, 0 to `maxWebCount`. */
  readonly webCount: number;
  readonly concurrencyPolicy: ConcurrencyPolicy;
  readonly lastDeployedAt: Date | null;
  /** Part of the build cache's key: raising it forgets the cache, also one that a running build is about to save. */
  readonly cacheVersion: number;
}

export const maxWebCount = 100;

/**
 * What becomes of a deployment that is asked for while another of the app waits or runs: it waits in turn, it takes the
 * place of those that wait, or it is refused.
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

/** @throws {SlipwayError} "invalid" that says the rule. */
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

export function newApp(request: NewApp): App {
  checkAppName(request.name);
  return {
    concurrencyPolicy: "queue",
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

/** The app with some facts changed, one revision on; the caller stores it by compare-and-set. */
export function changeApp(
  app: App,
  at: Date,
  facts: Partial<
    Pick<
      App,
      | "deletedAt"
      | "currentReleaseId"
      | "currentRolloutId"
      | "targets"
      | "webCount"
      | "concurrencyPolicy"
      | "lastDeployedAt"
      | "cacheVersion"
    >
  >,
): App {
  return { ...app, ...facts, updatedAt: at, revision: app.revision + 1 };
}
