// The settings of builders, and of the containers that builds run in.

import { builderKinds } from "@slipway/core";
import { z } from "zod";
import { countSetting, listSetting, mebibytesSetting, settingDocs } from "@slipway/service";
import { cpusSetting, runtimeSetting } from "./value-schemas.ts";

const buildersSetting = listSetting()
  .transform((items): readonly string[] => (items.length === 0 ? ["buildpacks"] : items))
  .pipe(z.array(z.enum(builderKinds, `must be some of ${builderKinds.join(", ")}`)));

export const buildSettings = z.object({
  BUILDERS: buildersSetting.register(settingDocs, {
    topic: "builds",
    description:
      "Builders that apps may use, separated by blanks or commas: `buildpacks`, `cnb`, `dockerfile`, and `image` for images that were made elsewhere. The steps of a Dockerfile run as root in containers of the engine ([security](security.md)).",
    unset: "`buildpacks`",
  }),
  CNB_BUILDER: z.string().min(1).optional().register(settingDocs, {
    topic: "builds",
    description:
      "Builder image of Cloud Native Buildpacks for apps that set none ([Cloud Native Buildpacks](cnb.md)). It and its run image may be in the installation's registry.",
    unset: "none",
  }),
  BUILD_TIMEOUT_MS: countSetting.default(30 * 60_000).register(settingDocs, {
    topic: "builds",
    description: "Maximum duration of a build.",
    unit: "ms",
  }),
  BUILD_SILENCE_MS: countSetting.default(10 * 60_000).register(settingDocs, {
    topic: "builds",
    description: "How long a build may write no output before it is ended.",
    unit: "ms",
  }),
  BUILD_MEMORY_MB: mebibytesSetting(2_048).register(settingDocs, {
    topic: "builds",
    description: "Memory of a build; there is no swap.",
    unit: "MiB",
  }),
  BUILD_CPUS: cpusSetting.default(2).register(settingDocs, {
    topic: "builds",
    description: "CPUs of a build; may be a fraction.",
  }),
  BUILD_PIDS: countSetting.default(512).register(settingDocs, {
    topic: "builds",
    description: "Processes and threads of a build.",
  }),
  BUILD_DISK_MB: mebibytesSetting(4_096).register(settingDocs, {
    topic: "builds",
    description:
      "Space that a build may use, including source, dependencies and cache. No file may be larger.",
    unit: "MiB",
  }),
  BUILD_TMPFS_MB: mebibytesSetting(512).register(settingDocs, {
    topic: "builds",
    description: "Size of the build's `/tmp` and of its `/app`, each; counts as memory.",
    unit: "MiB",
  }),
  BUILD_RUNTIME: runtimeSetting.optional().register(settingDocs, {
    topic: "builds",
    description: "Container runtime of builds, which their engine must have: `runsc` (gVisor), `kata`….",
    unset: "the engine's default",
  }),
  BUILD_CGROUP_PARENT: z.string().min(1).optional().register(settingDocs, {
    topic: "builds",
    description:
      "Control group of the engine's host, such as `slipway-builds.slice`, that the steps of Dockerfiles run in, and whose limits they share. Engines before version 23 ignore it and use that of their own configuration.",
    unset: "the engine's",
  }),
});

/** Limits of the containers that builds run in. */
export function buildConfig(parsed: z.output<typeof buildSettings>) {
  return {
    memoryBytes: parsed.BUILD_MEMORY_MB,
    cpus: parsed.BUILD_CPUS,
    pids: parsed.BUILD_PIDS,
    diskBytes: parsed.BUILD_DISK_MB,
    tmpfsBytes: parsed.BUILD_TMPFS_MB,
    cgroupParent: parsed.BUILD_CGROUP_PARENT,
  };
}
