// What a rollout of a release is made of here: the app's command, environment and limits. Deployments and operations start
// it alike.

import { launchCommand, requireWeb, runEnvironment } from "@slipway/buildpacks";
import type { App, Release, RolloutSpec } from "@slipway/core";
import { appUrl } from "@slipway/service";
import type { Platform } from "../platform.ts";

/** @throws {SlipwayError} "no-web-process" when the release has none. */
export function rolloutOf(
  { config }: Platform,
  app: App,
  release: Release,
  own: Pick<RolloutSpec, "rolloutId" | "count" | "deploymentId" | "attempt">,
): RolloutSpec {
  return {
    ...own,
    appId: app.id,
    appName: app.name,
    releaseId: release.id,
    releaseNumber: release.number,
    image: release.image,
    command: launchCommand(requireWeb(release.processTypes)),
    processType: "web",
    environment: environmentOf({ config }, app, release),
    limits: { memoryBytes: config.APP_MEMORY_MB, cpus: config.APP_CPUS, pids: config.APP_PIDS },
    bootTimeoutMs: config.BOOT_TIMEOUT_MS,
    // Only a proxy on a network of its own reads it: our router needs no labels, and health checks cost a process each.
    hostname: config.SCHEDULER_NETWORK === undefined ? null : new URL(appUrl(config, app.name)).hostname,
  };
}

/** What every process of the release finds in its environment. */
export function environmentOf({ config }: Pick<Platform, "config">, app: App, release: Release) {
  return runEnvironment({
    environment: release.environment,
    platform: {
      app: app.name,
      appId: app.id,
      stack: config.STACK_IMAGE,
      region: config.REGION_NAME,
      containerVersion: release.number,
    },
  });
}
