// The settings of the maximum sizes of sources, images, caches and logs.

import { z } from "zod";
import { countSetting, mebibytesSetting, settingDocs } from "@slipway/service";
import type { deploymentSettings } from "@slipway/service";

export const limitSettings = z.object({
  SOURCE_MAX_ENTRIES: countSetting.default(200_000).register(settingDocs, {
    topic: "builds",
    description:
      "Maximum number of files, folders and links in a source, including folders that only occur in the paths of others.",
  }),
  IMAGE_MAX_MB: mebibytesSetting(2_048).register(settingDocs, {
    topic: "builds",
    description: "Maximum size of a layer of a built app, uncompressed.",
    unit: "MiB",
  }),
  CACHE_MAX_MB: mebibytesSetting(1_024).register(settingDocs, {
    topic: "builds",
    description:
      "Maximum size of a build cache, compressed. A larger one is deleted, and so is one that unpacks to more than half of `BUILD_DISK_MB`.",
    unit: "MiB",
  }),
  SNAPSHOTS_MAX_MB: mebibytesSetting(10_240).register(settingDocs, {
    topic: "builds",
    description:
      "Disk space on each engine for the dependencies that builds start from. Beyond it those of the apps that were not built for longest are removed, and installed again by their next build.",
    unit: "MiB",
  }),
  PULLED_IMAGE_MAX_MB: mebibytesSetting(2_048).register(settingDocs, {
    topic: "builds",
    description:
      "Largest image that an engine pulls for an app, compressed: a builder image or a base image of a Dockerfile. Images that the operator names are not limited.",
    unit: "MiB",
  }),
  PULLED_IMAGES_MAX_MB: mebibytesSetting(20_480).register(settingDocs, {
    topic: "builds",
    description:
      "Disk space on each engine for the builder images that apps name, unpacked. Beyond it those that were not used for longest are removed, except for those in use.",
    unit: "MiB",
  }),
  LOG_MAX_MB: mebibytesSetting(64).register(settingDocs, {
    topic: "builds",
    description:
      "Maximum output of a deployment that its log stores, over all attempts. Beyond it the build continues, and the log says that output is missing.",
    unit: "MiB",
  }),
});

/** The limits of single deployments, and of an owner's slots. */
export function limitsConfig(parsed: z.output<typeof limitSettings> & z.output<typeof deploymentSettings>) {
  return {
    sourceBytes: parsed.SOURCE_MAX_MB,
    sourceEntries: parsed.SOURCE_MAX_ENTRIES,
    imageBytes: parsed.IMAGE_MAX_MB,
    cacheBytes: parsed.CACHE_MAX_MB,
    snapshotsBytes: parsed.SNAPSHOTS_MAX_MB,
    pulledImageBytes: parsed.PULLED_IMAGE_MAX_MB,
    pulledImagesBytes: parsed.PULLED_IMAGES_MAX_MB,
    logBytes: parsed.LOG_MAX_MB,
    slotsPerOwner: parsed.OWNER_SLOTS,
    reservedSlots: parsed.RESERVED_SLOTS,
  };
}
