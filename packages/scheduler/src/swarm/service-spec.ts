// Builds the Swarm service of one rollout.

import type { RolloutSpec } from "@slipway/core";
import { servicePrivileges } from "@slipway/docker";
import type { ContainerSpec, ServiceSpec } from "dockerode";
import { engineHealthcheck } from "../engine-healthcheck.ts";
import {
  diskLabel,
  instanceEnvironment,
  instanceHostname,
  portOf,
  processLimits,
  rolloutLabels,
  stopGraceSeconds,
} from "../instance-config.ts";
import { proxyLabels } from "../proxy-labels.ts";

const nsPerMs = 1_000_000;
/** Longer than the interval of polling for an instance's exit during its boot, so that the exit is final. */
const restartDelayMs = 3_000;
/** Template that Swarm replaces by the instance's number. */
const slotTemplate = "{{.Task.Slot}}";

export interface ServiceContext {
  readonly installationId: string;
  /** Network that the instances join. */
  readonly network: string;
  /** Distinguishes services of the same rollout. */
  readonly startId: string;
}

/**
 * The service has no virtual IP (`dnsrr`): proxies balance over the instances themselves, and hosts without IPVS can run them. Each
 * instance is published on a port of its node, which the engine chooses anew at each start.
 */
export function serviceSpec(rollout: RolloutSpec, context: ServiceContext) {
  const { memoryBytes, cpus, pids } = rollout.limits;
  const labels = rolloutLabels(context.installationId, rollout);
  const update = { Parallelism: 1, Order: "start-first" };
  return {
    // Does not contain the app's name, since a task's container is named like its service. Labels identify the app.
    Name: `slipway-${context.installationId}-${context.startId}`,
    // Only the service has proxy labels: a proxy that also reads containers' labels would route each request twice.
    Labels: { ...labels, ...proxyLabels(rollout) },
    Mode: { Replicated: { Replicas: rollout.count } },
    TaskTemplate: {
      ContainerSpec: {
        ...containerSpec(rollout),
        Labels: { ...labels, [diskLabel]: String(rollout.limits.diskBytes) },
      },
      Resources: { Limits: { MemoryBytes: memoryBytes, NanoCPUs: Math.round(cpus * 1e9), Pids: pids } },
      // Set from the start, because a change would restart the instances.
      RestartPolicy: { Condition: "any", Delay: restartDelayMs * nsPerMs },
      Networks: [{ Target: context.network }],
      LogDriver: { Name: "json-file", Options: { "max-size": "10m", "max-file": "2" } },
    },
    UpdateConfig: { ...update, FailureAction: "rollback" },
    RollbackConfig: { ...update, FailureAction: "pause" },
    EndpointSpec: {
      Mode: "dnsrr",
      Ports: [{ Protocol: "tcp", TargetPort: portOf(rollout), PublishMode: "host" }],
    },
  } satisfies ServiceSpec;
}

function containerSpec(rollout: RolloutSpec): ContainerSpec {
  const values = Object.entries(rollout.environment).map(([name, value]) => [name, escapeTemplate(value)]);
  const common: Record<string, string> = Object.fromEntries(values);
  const environment = instanceEnvironment({ ...rollout, environment: common }, slotTemplate);
  return {
    Hostname: instanceHostname(rollout, slotTemplate),
    Image: rollout.image,
    // Set as the command, which replaces the image's entrypoint.
    Command: rollout.command.slice(0, 1),
    Args: rollout.command.slice(1),
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    Init: true,
    CapabilityDrop: ["ALL"],
    Privileges: servicePrivileges as NonNullable<ContainerSpec["Privileges"]>,
    // A swarm does not pass quotas on to its engines.
    Ulimits: processLimits(rollout.limits.diskBytes),
    // Fixed at the start, because a change would restart the instances.
    StopGracePeriod: stopGraceSeconds(rollout) * 1000 * nsPerMs,
    HealthCheck: engineHealthcheck(rollout),
  };
}

/** Swarm evaluates `{{ … }}` in a variable's value as a template, which must not happen to users' values. */
function escapeTemplate(value: string): string {
  return value.replaceAll("{{", '{{"{{"}}');
}
