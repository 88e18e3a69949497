import { label } from "@slipway/core";
import { aRollout } from "@slipway/testkit";
import { expect, test } from "vitest";
import { serviceSpec } from "./service-spec.ts";

const rollout = aRollout({
  appId: "a",
  appName: "my-app",
  releaseId: "r",
  releaseNumber: 7,
  rolloutId: "o",
  count: 3,
  attempt: 2,
  environment: { GREETING: "a {{.Task.ID}} {{{", PORT: "1" },
  limits: { memoryBytes: 1000, cpus: 0.5, pids: 64, diskBytes: 4000 },
  stopGraceMs: 1_001,
  hostname: "my-app.example.com",
});
const context = { installationId: "here", network: "net", startId: "abcd1234" };
const spec = serviceSpec(rollout, context);

test("the service's name names no app: neighbors resolve the addresses of its containers to it", () => {
  expect(spec.Name).toBe("slipway-here-abcd1234");
});

test("the service has the seccomp profile of releases, for engines that apply it to services", () => {
  const { Seccomp } = spec.TaskTemplate.ContainerSpec.Privileges as { Seccomp?: { Profile: string } };
  const profile = JSON.parse(Buffer.from(Seccomp?.Profile ?? "", "base64").toString()) as object;
  expect(profile).toMatchObject({ defaultAction: "SCMP_ACT_ERRNO" });
});

test("Swarm inserts the instance's number, and evaluates no template in users' values", () => {
  expect(spec.TaskTemplate.ContainerSpec.Env).toEqual([
    "HOSTNAME=my-app-web-{{.Task.Slot}}",
    'GREETING=a {{"{{"}}.Task.ID}} {{"{{"}}{',
    "PORT=8080",
    "CONTAINER=web-{{.Task.Slot}}",
  ]);
  expect(spec.TaskTemplate.ContainerSpec.Hostname).toBe("my-app-web-{{.Task.Slot}}");
});

test("the service has no virtual IP, and a port on each node that the engine chooses", () => {
  expect(spec.EndpointSpec).toEqual({
    Mode: "dnsrr",
    Ports: [{ Protocol: "tcp", TargetPort: 8080, PublishMode: "host" }],
  });
});

test("the service has limits and a stop grace in whole seconds, and updates start new instances first", () => {
  expect(spec.TaskTemplate).toMatchObject({
    ContainerSpec: { CapabilityDrop: ["ALL"], StopGracePeriod: 2_000_000_000 },
    Resources: { Limits: { MemoryBytes: 1000, NanoCPUs: 500_000_000, Pids: 64 } },
    RestartPolicy: { Condition: "any" },
  });
  expect(spec.UpdateConfig).toMatchObject({ Order: "start-first", FailureAction: "rollback" });
});

test("the labels name installation, app, rollout and attempt, and Traefik's route to the host name", () => {
  const own = { [label.installation]: "here", [label.app]: "a", [label.rollout]: "o", [label.attempt]: "2" };
  expect(spec.Labels).toMatchObject({
    ...own,
    "traefik.enable": "true",
    "traefik.http.routers.slipway-a.rule": "Host(`my-app.example.com`)",
    "traefik.http.routers.slipway-a.service": "slipway-a",
    "traefik.http.services.slipway-a.loadbalancer.server.port": "8080",
  });
  expect(spec.TaskTemplate.ContainerSpec.Labels).toMatchObject(own);
  const hidden = serviceSpec({ ...rollout, hostname: null }, context);
  expect(Object.keys(hidden.Labels).filter((name) => name.startsWith("traefik"))).toEqual([]);
});
