// The worker's configuration: the schema of its environment variables, and the grouped values that the worker uses.

import {
  appUrl,
  appUrlSettings,
  blobSettings,
  commonConfig,
  commonSettings,
  configFrom,
  deploymentSettings,
  regionSettings,
  stackSettings,
  stacksOf,
  storageUrls,
  traceCollector,
  traceSettings,
} from "@slipway/service";
import type { Environment } from "@slipway/service";
import type { z } from "zod";
import { buildConfig, buildSettings } from "./config/builds.ts";
import { downloadConfig, downloadSettings } from "./config/download-sources.ts";
import { engineSettings } from "./config/engines.ts";
import { limitSettings, limitsConfig } from "./config/limits.ts";
import { networkConfig, networkSettings } from "./config/network.ts";
import { concurrencyConfig, queueSettings } from "./config/queue.ts";
import { receiptKeyConfig, receiptSettings } from "./config/receipts.ts";
import { instanceConfig, releaseSettings, retentionConfig } from "./config/releases.ts";

/** Every variable that a worker reads. */
export const settings = commonSettings
  .extend({
    ...blobSettings.shape,
    ...appUrlSettings.shape,
    ...deploymentSettings.shape,
    ...regionSettings.shape,
    ...traceSettings.shape,
    ...stackSettings.shape,
    ...engineSettings.shape,
    ...queueSettings.shape,
    ...networkSettings.shape,
    ...buildSettings.shape,
    ...downloadSettings.shape,
    ...limitSettings.shape,
    ...releaseSettings.shape,
    ...receiptSettings.shape,
  })
  .refine((config) => (config.RECEIPT_KEY ?? config.RECEIPT_KEY_FILE) !== undefined, {
    path: ["RECEIPT_KEY"],
    error: "is required, or RECEIPT_KEY_FILE",
    // Applied also when other settings are invalid, so that all problems are reported at once.
    when: () => true,
  })
  .refine((config) => config.BUILD_RUNTIME === undefined || !config.BUILDERS.includes("cnb"), {
    path: ["BUILDERS"],
    error:
      "must not contain cnb while BUILD_RUNTIME is set: such a build shares the network of a second container, which other runtimes do not support",
  });

type Settings = z.output<typeof settings>;

/** The parsed configuration, grouped by subject. Sizes are in bytes, durations in milliseconds. */
export type WorkerConfig = ReturnType<typeof grouped>;

/** @throws {SlipwayError} "configuration-invalid" that lists every problem. */
export function readConfig(environment: Environment): WorkerConfig {
  return grouped(configFrom(settings, environment));
}

function grouped(parsed: Settings) {
  return {
    ...commonConfig(parsed, "worker"),
    ...stackConfig(parsed),
    ...networkConfig(parsed),
    ...retentionConfig(parsed),
    traces: traceCollector(parsed),
    blobsUrl: storageUrls(parsed).blobsUrl,
    region: parsed.REGION_NAME,
    appUrl: (name: string): string => appUrl(parsed, name),
    registry: { url: parsed.REGISTRY_URL, pullHost: parsed.REGISTRY_PULL_HOST },
    engine: { dockerHost: parsed.DOCKER_HOST, workers: parsed.ENGINE_WORKERS },
    scheduler: {
      kind: parsed.SCHEDULER,
      dockerHost: parsed.SCHEDULER_DOCKER_HOST ?? parsed.DOCKER_HOST,
      nodeDockerHosts: parsed.SWARM_NODE_DOCKER_HOSTS,
      network: parsed.SCHEDULER_NETWORK,
      publishHost: parsed.RELEASES_HOST,
    },
    /** Container runtimes; undefined selects the engine's default. */
    runtimes: { builds: parsed.BUILD_RUNTIME, releases: parsed.APP_RUNTIME },
    concurrency: concurrencyConfig(parsed),
    builders: parsed.BUILDERS,
    cnbBuilder: parsed.CNB_BUILDER,
    build: { ...buildConfig(parsed), ...downloadConfig(parsed) },
    instance: instanceConfig(parsed),
    limits: limitsConfig(parsed),
    timing: timingConfig(parsed),
    receiptKey: receiptKeyConfig(parsed),
  };
}

function stackConfig(parsed: Settings) {
  const stacks = stacksOf(parsed);
  return {
    /** The default one first. */
    stacks,
    /** Name of the default stack. Builds of an app with another stack use that stack's name. */
    stackName: stacks[0].name,
    /** The image that releases run on. */
    stackImage: stacks[0].run,
    /** The image that builds run in. */
    stackBuildImage: stacks[0].build,
  };
}

function timingConfig(parsed: Settings) {
  return {
    leaseMs: parsed.LEASE_MS,
    reconcileMs: parsed.RECONCILE_MS,
    sourceTimeoutMs: parsed.SOURCE_TIMEOUT_MS,
    buildTimeoutMs: parsed.BUILD_TIMEOUT_MS,
    buildSilenceMs: parsed.BUILD_SILENCE_MS,
    hookTimeoutMs: parsed.HOOK_TIMEOUT_MS,
    bootTimeoutMs: parsed.BOOT_TIMEOUT_MS,
    stopGraceMs: parsed.STOP_GRACE_MS,
    drainMs: parsed.DRAIN_MS,
  };
}
