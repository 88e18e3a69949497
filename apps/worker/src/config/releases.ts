// The settings of the scheduler of releases, of the resources of their instances, and of the retention of releases and deployments.

import { z } from "zod";
import { countSetting, mebibytesSetting, settingDocs } from "@slipway/service";
import { cpusSetting, runtimeSetting } from "./value-schemas.ts";

const dayMs = 86_400_000;

export const releaseSettings = z.object({
  SCHEDULER: z.enum(["docker", "swarm"]).default("docker").register(settingDocs, {
    topic: "releases",
    description:
      "Where releases run: on one engine, or on the Docker Swarm that `SCHEDULER_DOCKER_HOST` is a manager of.",
  }),
  SCHEDULER_NETWORK: z.string().min(1).optional().register(settingDocs, {
    topic: "releases",
    description:
      "Network that releases join, with labels for a Traefik on it that routes the host name of an app's URL to them; on a swarm an overlay network.",
    unset: "a network of the installation",
  }),
  RELEASES_HOST: z.string().min(1).optional().register(settingDocs, {
    topic: "releases",
    description: "Interface of the releases' engine, by name or address, that their ports are published on.",
    unset: "`127.0.0.1`, on a remote engine all interfaces",
  }),
  RELEASES_KEPT: countSetting.min(2).default(10).register(settingDocs, {
    topic: "releases",
    description:
      "Releases of an app whose images are kept, so that they can be deployed again. The current and the previous one are always kept.",
  }),
  DEPLOYMENTS_KEPT_DAYS: countSetting.min(1).default(90).register(settingDocs, {
    topic: "releases",
    description:
      "Days that ended deployments are kept, with their logs and releases. Deployments of releases that can be deployed again are always kept.",
  }),
  DEPLOYMENTS_KEPT_MIN: countSetting.min(1).default(50).register(settingDocs, {
    topic: "releases",
    description: "Newest deployments of each app that are kept, however old they are.",
  }),
  APP_MEMORY_MB: mebibytesSetting(512).register(settingDocs, {
    topic: "releases",
    description: "Memory of a release's container.",
    unit: "MiB",
  }),
  APP_CPUS: cpusSetting.default(1).register(settingDocs, {
    topic: "releases",
    description: "CPUs of a release's container; may be a fraction.",
  }),
  APP_PIDS: countSetting.default(512).register(settingDocs, {
    topic: "releases",
    description: "Processes and threads of a release's container.",
  }),
  APP_RUNTIME: runtimeSetting.optional().register(settingDocs, {
    topic: "releases",
    description:
      "Container runtime of releases and hooks, which their engine must have. Not on a swarm, where the default runtime of each node applies.",
    unset: "the engine's default",
  }),
  APP_DISK_MB: mebibytesSetting(2_048).register(settingDocs, {
    topic: "releases",
    description:
      "Space that a release's container may use besides its image, and that a postdeploy hook may use. Each file and folder counts as 4 KiB at least. No file may be larger.",
    unit: "MiB",
  }),
  HOOK_TIMEOUT_MS: countSetting.default(20 * 60_000).register(settingDocs, {
    topic: "releases",
    description: "Maximum duration of a postdeploy hook.",
    unit: "ms",
  }),
  BOOT_TIMEOUT_MS: countSetting.default(60_000).register(settingDocs, {
    topic: "releases",
    description: "Time limit for `web` to accept connections.",
    unit: "ms",
  }),
  STOP_GRACE_MS: countSetting.default(30_000).register(settingDocs, {
    topic: "releases",
    description:
      "How long an instance has between SIGTERM and SIGKILL. Applies to instances that start after a change.",
    unit: "ms",
  }),
  DRAIN_MS: countSetting.default(10_000).register(settingDocs, {
    topic: "releases",
    description: "How long requests to a replaced release may take to end before they are cut off.",
    unit: "ms",
  }),
});

/** The limits of each instance of a release, and of its hook. */
export function instanceConfig(parsed: z.output<typeof releaseSettings>) {
  return {
    memoryBytes: parsed.APP_MEMORY_MB,
    cpus: parsed.APP_CPUS,
    pids: parsed.APP_PIDS,
    diskBytes: parsed.APP_DISK_MB,
  };
}

/** The retention of releases and deployments. */
export function retentionConfig(parsed: z.output<typeof releaseSettings>) {
  return {
    releasesKept: parsed.RELEASES_KEPT,
    deploymentsKept: { ageMs: parsed.DEPLOYMENTS_KEPT_DAYS * dayMs, minCount: parsed.DEPLOYMENTS_KEPT_MIN },
  };
}
