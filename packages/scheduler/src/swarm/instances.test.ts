import { expect, test } from "vitest";
import { instancesOf } from "./instances.ts";
import type { AppService, Task } from "./swarm-api.ts";

const address = { host: "10.0.0.2", port: 32_768 };
const service: AppService = {
  id: "s",
  appId: "a",
  releaseId: "r",
  rolloutId: "o",
  attempt: 1,
  promoted: true,
  stopGraceMs: 1000,
  createdAt: new Date(0),
  version: 1,
  spec: {
    Labels: { "io.slipway.release-number": "7", "io.slipway.process-type": "web" },
    TaskTemplate: { Resources: { Limits: { MemoryBytes: 1000, NanoCPUs: 500_000_000 } } },
  },
};

test("each slot is represented by its running task, otherwise by its newest task", () => {
  const tasks = [
    task(2, "preparing"),
    task(1, "new", "ready"),
    task(1, "running"),
    task(2, "failed", "shutdown"),
  ];
  expect(instancesOf(service, tasks, () => address)).toMatchObject([
    { index: 1, id: "1-running", state: "running", releaseNumber: 7, address },
    { index: 2, id: "2-preparing", state: "restarting", memoryBytes: 1000, cpus: 0.5, address: null },
  ]);
});

test.for([
  ["running", "running", true, "running"],
  ["running", "running", false, "starting"],
  ["starting", "running", true, "starting"],
  ["ready", "ready", true, "starting"],
  ["failed", "shutdown", true, "stopped"],
  ["running", "remove", true, "stopped"],
] as const)(
  "a task in state %s with desired state %s, promoted %s, is an instance that is %s",
  ([state, desired, promoted, expected]) => {
    expect(instancesOf({ ...service, promoted }, [task(1, state, desired)], () => address)).toMatchObject([
      { state: expected },
    ]);
  },
);

function task(slot: number, state: string, desired = "running"): Task {
  return {
    ID: `${slot}-${state}`,
    ServiceID: "service",
    CreatedAt: "2026-01-02T03:04:05.678901234Z",
    Slot: slot,
    DesiredState: desired,
    Status: { State: state },
  };
}
