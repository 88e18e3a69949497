// The settings of the registry and of the engines that run builds and releases.

import { z } from "zod";
import { httpUrlSetting, listSetting, settingDocs } from "@slipway/service";

/** Address of the engine when none is configured. */
export const defaultDockerHost = "unix:///var/run/docker.sock";

export const engineSettings = z.object({
  REGISTRY_URL: httpUrlSetting().register(settingDocs, {
    topic: "services",
    description:
      "URL of the image registry. User name and password may be part of it; engines pull with them too.",
    npmStart: "a private server",
  }),
  REGISTRY_PULL_HOST: z
    .string()
    .regex(/^[\w.-]+(:\d+)?$/, "must be a host, or host:port")
    .optional()
    .register(settingDocs, {
      topic: "services",
      description:
        "`host:port` of the registry as engines see it, where that differs from what workers see. It is part of image names, also of `STACK_IMAGE` and `STACK_BUILD_IMAGE`.",
      unset: "the host of `REGISTRY_URL`",
    }),
  DOCKER_HOST: z.string().min(1).optional().register(settingDocs, {
    topic: "services",
    description:
      "Docker Engine that runs builds; it also runs releases unless `SCHEDULER_DOCKER_HOST` is set.",
    unset: "the default socket",
  }),
  SCHEDULER_DOCKER_HOST: z.string().min(1).optional().register(settingDocs, {
    topic: "services",
    description: "Docker Engine that runs releases.",
    unset: "`DOCKER_HOST`",
  }),
  SWARM_NODE_DOCKER_HOSTS: listSetting().register(settingDocs, {
    topic: "services",
    description:
      "Engines of the swarm's nodes besides `SCHEDULER_DOCKER_HOST`, separated by blanks or commas. Workers guard egress there, limit the disk of instances, delete unneeded images and end aborted starts at once.",
  }),
});
