// The worker's configuration: the one schema, read from the environment that main.ts gives.

import { z } from "zod";
import { appUrlSettings, commonSettings, configFrom, countSetting, storageUrls } from "@slipway/service";
import type { Environment } from "@slipway/service";

const mebi = 1024 * 1024;
const mebibytes = (fallback: number) => countSetting.default(fallback).transform((size) => size * mebi);
const list = z
  .string()
  .default("")
  .transform((text) => text.split(/[\s,]+/).filter((item) => item !== ""));

const schema = commonSettings.extend({
  ...appUrlSettings.shape,
  REGISTRY_URL: z.url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" }),
  REGISTRY_PULL_HOST: z
    .string()
    .regex(/^[\w.-]+(:\d+)?$/, "must be a host, or host:port")
    .optional(),
  STACK_IMAGE: z.string().min(1),
  DOCKER_HOST: z.string().min(1).optional(),
  SCHEDULER_DOCKER_HOST: z.string().min(1).optional(),
  SCHEDULER: z.enum(["docker", "swarm"]).default("docker"),
  SCHEDULER_NETWORK: z.string().min(1).optional(),
  RELEASES_HOST: z.string().min(1).optional(),
  REGION_NAME: z.string().min(1).default("local"),
  CONCURRENCY: countSetting.optional(),
  OPERATION_CONCURRENCY: countSetting.default(4),
  ENGINE_WORKERS: countSetting.default(1),
  OWNER_SLOTS: countSetting.default(10),
  RELEASES_KEPT: countSetting.min(2).default(10),
  LEASE_MS: countSetting.default(30_000),
  RECONCILE_MS: countSetting.default(5_000),
  BUILD_TIMEOUT_MS: countSetting.default(30 * 60_000),
  BUILD_MEMORY_MB: mebibytes(2_048),
  BUILD_CPUS: z.coerce.number().positive().default(2),
  BUILD_PIDS: countSetting.default(512),
  BUILD_DISK_MB: mebibytes(4_096),
  BUILD_TMPFS_MB: mebibytes(512),
  BUILD_CA_BUNDLE: z.string().min(1).optional(),
  BUILD_NPM_REGISTRY: z.url().optional(),
  SOURCE_MAX_MB: mebibytes(300),
  SOURCE_MAX_ENTRIES: countSetting.default(200_000),
  IMAGE_MAX_MB: mebibytes(2_048),
  CACHE_MAX_MB: mebibytes(1_024),
  LOG_MAX_MB: mebibytes(64),
  ALLOWED_PRIVATE_HOSTS: list,
  APP_MEMORY_MB: mebibytes(512),
  APP_CPUS: z.coerce.number().positive().default(1),
  APP_PIDS: countSetting.default(512),
  GITHUB_API_URL: z
    .url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" })
    .default("https://api.github.com")
    .transform((url) => url.replace(/\/+$/, "")),
  HOOK_TIMEOUT_MS: countSetting.default(20 * 60_000),
  BOOT_TIMEOUT_MS: countSetting.default(60_000),
  STOP_GRACE_MS: countSetting.default(30_000),
  DRAIN_MS: countSetting.default(10_000),
});

export type WorkerConfig = z.output<typeof schema> & ReturnType<typeof storageUrls>;

/** @throws {SlipwayError} "configuration-invalid" that lists every problem. */
export function readConfig(environment: Environment): WorkerConfig {
  const config = configFrom(schema, environment);
  return { ...config, ...storageUrls(config) };
}
