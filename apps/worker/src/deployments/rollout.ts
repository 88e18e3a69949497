// Builds the specification of a rollout: the app's command, environment and limits, for deployments and operations.

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
    stopGraceMs: config.STOP_GRACE_MS,
    // Only an external proxy on SCHEDULER_NETWORK reads it. Our router needs no labels, and each health check costs a process.
    hostname: config.SCHEDULER_NETWORK === undefined ? null : new URL(appUrl(config, app.name)).hostname,
  };
}

/** Environment of every process of the release. */
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
