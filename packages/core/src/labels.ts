// Labels on every container, volume, network and snapshot that Slipway creates, by which it finds the leftovers of crashed attempts.

export const label = {
  installation: "io.slipway.installation",
  /** `build`, `snapshot`, `release`, `network` or `service`. */
  kind: "io.slipway.kind",
  /** On a volume that outlives its container: the id of the installation whose data it belongs to. */
  keptBy: "io.slipway.kept-by",
  app: "io.slipway.app",
  /** On a snapshot: the app's cache version. */
  cacheVersion: "io.slipway.cache-version",
  deployment: "io.slipway.deployment",
  /** On a container without a deployment: the time from which it is not needed any more, in milliseconds since 1970. */
  expiresAt: "io.slipway.expires-at",
  attempt: "io.slipway.attempt",
  release: "io.slipway.release",
  releaseNumber: "io.slipway.release-number",
  rollout: "io.slipway.rollout",
  /** Number of the instance in its rollout, from 1. */
  instance: "io.slipway.instance",
  processType: "io.slipway.process-type",
  /** On a snapshot: its size in addition to the image of its sandbox. */
  sizeBytes: "io.slipway.size-bytes",
} as const;

/** Value of the label `kind` of containers that are removed at the end of their build. */
export const buildKind = "build";
/** Value of the label `kind` of snapshots. */
export const snapshotKind = "snapshot";

export type Labels = Readonly<Record<string, string>>;
