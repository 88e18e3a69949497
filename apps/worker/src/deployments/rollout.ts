// Builds the specification of a rollout: the app's command, environment and limits, for deployments and operations.

import { launchCommand, requireWeb, runEnvironment } from "@slipway/buildpacks";
import type { App, Release, RolloutSpec } from "@slipway/core";
import type { WorkerConfig } from "../config.ts";

export type EnvironmentContext = { readonly config: Pick<WorkerConfig, "stackName" | "region"> };
export type RolloutContext = EnvironmentContext & {
  readonly config: Pick<WorkerConfig, "instance" | "appUrl"> & {
    readonly timing: Pick<WorkerConfig["timing"], "bootTimeoutMs" | "stopGraceMs">;
    readonly scheduler: Pick<WorkerConfig["scheduler"], "network">;
  };
};

/** @throws {SlipwayError} "no-web-process" when the release has no such process. */
export function rolloutOf(
  { config }: RolloutContext,
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
    command: release.imageStart?.command ?? launchCommand(requireWeb(release.processTypes)),
    processType: "web",
    port: release.imageStart?.port ?? null,
    healthcheck: release.imageStart?.healthcheck ?? null,
    environment: environmentOf({ config }, app, release),
    limits: config.instance,
    bootTimeoutMs: config.timing.bootTimeoutMs,
    stopGraceMs: config.timing.stopGraceMs,
    // Only an external proxy on the configured network reads the host name and the health check. Slipway's router needs no labels, and each
    // health check costs a process.
    hostname: config.scheduler.network === undefined ? null : new URL(config.appUrl(app.name)).hostname,
  };
}

/** @returns the argv that runs a shell command in a container of the release. */
export function shellCommandOf({ imageStart }: Release, command: string): readonly string[] {
  if (imageStart === null) return launchCommand(command);
  return [...(imageStart.shell ?? ["/bin/sh", "-c"]), command];
}

/** Environment of every process of the release. */
export function environmentOf({ config }: EnvironmentContext, app: App, release: Release) {
  return runEnvironment({
    environment: release.environment,
    platform: {
      app: app.name,
      appId: app.id,
      stack: app.stack ?? config.stackName,
      region: config.region,
      containerVersion: release.number,
      home: release.imageStart === null ? "/app" : null,
    },
  });
}
