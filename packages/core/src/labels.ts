// Labels on every container, volume and network we make: by them what a dead attempt left is found.

export const label = {
  installation: "io.slipway.installation",
  /** build, release, network. */
  kind: "io.slipway.kind",
  app: "io.slipway.app",
  deployment: "io.slipway.deployment",
  attempt: "io.slipway.attempt",
  release: "io.slipway.release",
  releaseNumber: "io.slipway.release-number",
  rollout: "io.slipway.rollout",
  /** Of a rollout's instances, from 1. */
  instance: "io.slipway.instance",
  processType: "io.slipway.process-type",
} as const;

export type Labels = Readonly<Record<string, string>>;
