// The settings of a worker's concurrency, and of the duration of leases.

import { z } from "zod";
import { countSetting, limitSetting, settingDocs } from "@slipway/service";

export const queueSettings = z.object({
  CONCURRENCY: countSetting.optional().register(settingDocs, {
    topic: "queue",
    description:
      "Build slots: deployments that one worker builds at the same time. Computed by default: 1 to 16, as many builds as the CPUs and three quarters of the memory of the worker's share of its engine allow.",
    unset: "computed",
  }),
  START_CONCURRENCY: limitSetting.default(16).register(settingDocs, {
    topic: "queue",
    description:
      "Deployments that one worker runs beside those that build: their hooks run and their apps start. `0`: none, the worker takes its next deployment when one has ended.",
  }),
  OPERATION_CONCURRENCY: countSetting.default(8).register(settingDocs, {
    topic: "queue",
    description:
      "Restarts, scalings and deployments of earlier releases that one worker runs at the same time, beside its other deployments.",
  }),
  ENGINE_WORKERS: countSetting.default(1).register(settingDocs, {
    topic: "queue",
    description:
      "Workers that build on the same engine. Each takes an equal share of it to compute `CONCURRENCY`.",
    npmStart: "`WORKERS`",
  }),
  LEASE_MS: countSetting.default(30_000).register(settingDocs, {
    topic: "queue",
    description: "How long a job stays assigned to a worker that sends no heartbeat.",
    unit: "ms",
  }),
  RECONCILE_MS: countSetting.default(5_000).register(settingDocs, {
    topic: "queue",
    description: "Interval in which all lanes are reconciled, in case a wake-up was lost.",
    unit: "ms",
  }),
});

/** A worker's concurrency by kind of job. `builds` is undefined when it is to be computed. */
export function concurrencyConfig(parsed: z.output<typeof queueSettings>) {
  return {
    builds: parsed.CONCURRENCY,
    starts: parsed.START_CONCURRENCY,
    operations: parsed.OPERATION_CONCURRENCY,
  };
}
