// The variables of .env that only docker-compose.yml uses. Compose has no schema, so they are documented here.

import { z } from "zod";
import { portSetting, type SettingDoc, settingDocs } from "@slipway/service";
import { publicImages } from "../images/stand-ins.ts";

const compose = (description: string): SettingDoc => ({ topic: "compose", description });
const image = (name: string, description: string) =>
  z.string().default(name).register(settingDocs, compose(description));
const redisPassword = (processes: string) =>
  z.string().register(settingDocs, compose(`Password of Redis' user for ${processes}.`));

export const composeSettings = z.object({
  REDIS_PASSWORD: z
    .string()
    .register(
      settingDocs,
      compose("Password of Redis' user `default`, who may do anything. No process has it."),
    ),
  REDIS_API_PASSWORD: redisPassword("the API"),
  REDIS_STREAM_PASSWORD: redisPassword("the stream"),
  REDIS_ROUTER_PASSWORD: redisPassword("the router"),
  REDIS_WORKER_PASSWORD: redisPassword("the workers"),
  MONGO_PASSWORD: z
    .string()
    .register(settingDocs, compose("Password of the database, which stores it on its first start only.")),
  REGISTRY_PASSWORD: z
    .string()
    .register(settingDocs, compose("Password of the registry, which workers and their engines use.")),
  REGISTRY_SECRET: z
    .string()
    .register(settingDocs, compose("Secret that the registry signs upload states with.")),
  DOCKER_GID: z
    .string()
    .register(settingDocs, compose("Group of `/var/run/docker.sock`, which workers join to use the engine.")),
  SLIPWAY_IMAGE: image(
    "slipway:latest",
    "Image of the API, the stream, the router and the workers. A tag of its own for each version lets you go back.",
  ),
  STACK_LOCAL_IMAGE: image(
    "slipway/stack:latest",
    "Image that releases run on, as it is built on this machine and before it is pushed as `STACK_IMAGE`.",
  ),
  STACK_BUILD_LOCAL_IMAGE: image(
    "slipway/stack-build:latest",
    "Image that builds run in, as it is built on this machine and before it is pushed as `STACK_BUILD_IMAGE`.",
  ),
  NODE_IMAGE: image(
    publicImages.NODE_IMAGE,
    "Image that `SLIPWAY_IMAGE` is based on. `npm run stand-ins` makes substitutes for public images that cannot be pulled.",
  ),
  PACKAGES_IMAGE: image(
    publicImages.NODE_IMAGE,
    "Image in which packages are installed when `SLIPWAY_IMAGE` is built: one that trusts your proxy, or has your `.npmrc`.",
  ),
  MONGO_IMAGE: image(publicImages.MONGO_IMAGE, "Image of the database."),
  REDIS_IMAGE: image(publicImages.REDIS_IMAGE, "Image of Redis."),
  REGISTRY_IMAGE: image(publicImages.REGISTRY_IMAGE, "Image of the registry."),
  REGISTRY_PORT: portSetting
    .default(5000)
    .register(
      settingDocs,
      compose("Port of the registry on 127.0.0.1. Engines pull from it, so it is part of all image names."),
    ),
  STACK_TAG: z
    .string()
    .default("latest")
    .register(
      settingDocs,
      compose(
        "Tag of the two images of the stack in the registry. Engines cache an image by its tag, so give a new stack a new tag.",
      ),
    ),
  NETWORK_PREFIX: z
    .string()
    .default("172.30.80")
    .register(
      settingDocs,
      compose(
        "Network of the processes, `NETWORK_PREFIX.0/24`. Releases are published on its address `NETWORK_PREFIX.1`. Choose a range that is free on this machine, and only while no release runs.",
      ),
    ),
  STOP_GRACE_PERIOD: z
    .string()
    .default("40s")
    .register(
      settingDocs,
      compose("How long Docker waits for a process to stop before it kills it; longer than `GRACE_MS`."),
    ),
});
