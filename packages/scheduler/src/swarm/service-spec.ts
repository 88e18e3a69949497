// Builds the Swarm service of one rollout.

import type { RolloutSpec } from "@slipway/core";
import type { ContainerSpec, ServiceSpec } from "dockerode";
import { healthcheck } from "../healthcheck.ts";
import {
  appPort,
  instanceEnvironment,
  instanceHostname,
  rolloutLabels,
  stopGraceSeconds,
} from "../instance-config.ts";
import { proxyLabels } from "../proxy-labels.ts";

const nsPerMs = 1_000_000;
/** Longer than it takes us to notice that an instance ended while it booted, so that the end is seen as final. */
const restartDelayMs = 3_000;
const longestName = 63;
/** Swarm puts the instance's number in its place. */
const slotTemplate = "{{.Task.Slot}}";

export interface ServiceContext {
  readonly installationId: string;
  /** Network that the instances join. */
  readonly network: string;
  /** Tells apart services of the same rollout. */
  readonly startId: string;
}

/**
 * Instances find each other by no name and no virtual IP (`dnsrr`): proxies balance over the instances themselves, and hosts
 * without IPVS can run them. Each is published on a port of its node that the engine chooses anew whenever it starts one.
 */
export function serviceSpec(rollout: RolloutSpec, context: ServiceContext) {
  const { memoryBytes, cpus, pids } = rollout.limits;
  const labels = rolloutLabels(context.installationId, rollout);
  const update = { Parallelism: 1, Order: "start-first" };
  return {
    Name: serviceName(rollout, context.startId),
    // Of the service alone: a proxy that reads containers' labels as well would route everything twice.
    Labels: { ...labels, ...proxyLabels(rollout) },
    Mode: { Replicated: { Replicas: rollout.count } },
    TaskTemplate: {
      ContainerSpec: { ...containerSpec(rollout), Labels: labels },
      Resources: { Limits: { MemoryBytes: memoryBytes, NanoCPUs: Math.round(cpus * 1e9), Pids: pids } },
      // From the beginning: to change it would start the instances again.
      RestartPolicy: { Condition: "any", Delay: restartDelayMs * nsPerMs },
      Networks: [{ Target: context.network }],
      LogDriver: { Name: "json-file", Options: { "max-size": "10m", "max-file": "2" } },
    },
    UpdateConfig: { ...update, FailureAction: "rollback" },
    RollbackConfig: { ...update, FailureAction: "pause" },
    EndpointSpec: {
      Mode: "dnsrr",
      Ports: [{ Protocol: "tcp", TargetPort: appPort, PublishMode: "host" }],
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
    // The whole argv is given: an entrypoint of the image would come before it.
    Command: rollout.command.slice(0, 1),
    Args: rollout.command.slice(1),
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    Init: true,
    CapabilityDrop: ["ALL"],
    // Engines before API 1.44 do not know NoNewPrivileges of services and pass over it.
    Privileges: { NoNewPrivileges: true } as NonNullable<ContainerSpec["Privileges"]>,
    Ulimits: [{ Name: "core", Soft: 0, Hard: 0 }],
    // A change would start the instances again.
    StopGracePeriod: stopGraceSeconds(rollout) * 1000 * nsPerMs,
    HealthCheck: healthcheck(rollout.bootTimeoutMs),
  };
}

/** Swarm takes `{{ … }}` in a variable's value for a template, and users' values are not ours to have evaluated. */
function escapeTemplate(value: string): string {
  return value.replaceAll("{{", '{{"{{"}}');
}

/** Says to operators what it is: `slipway-APP-v7-web-START`. */
function serviceName(rollout: RolloutSpec, startId: string): string {
  const end = `-v${rollout.releaseNumber}-${rollout.processType}-${startId}`;
  return `slipway-${rollout.appName}`.slice(0, longestName - end.length) + end;
}
