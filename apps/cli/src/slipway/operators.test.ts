import { expect, test } from "vitest";
import type { WorkerBody } from "@slipway/protocol";
import { sendJson, startApi } from "../../test-support/api.ts";
import { slipwayProcess } from "../../test-support/slipway-process.ts";

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();

function aWorker(values: Partial<WorkerBody>): WorkerBody {
  return {
    id: "w1",
    name: "worker-1",
    host: "builder",
    pid: 7,
    version: "0.1.0",
    state: "ready",
    concurrency: 2,
    building: 1,
    operation_concurrency: 4,
    engine: { address: "unix:///engine.sock", cpus: 4, memory_bytes: 1024 },
    started_at: minutesAgo(90),
    last_seen_at: minutesAgo(0),
    deployments: [{ id: "d1", app_id: "a1", app_name: "shop", attempt: 1, since: minutesAgo(12) }],
    operations: [],
    ...values,
  };
}

test("workers shows a lost worker's work as that of its last heartbeat, not as still being done", async () => {
  const workers = [
    aWorker({}),
    aWorker({ id: "w2", name: "worker-2", state: "lost", last_seen_at: minutesAgo(5.5) }),
    aWorker({ id: "w3", name: "worker-3", state: "lost", last_seen_at: minutesAgo(9.5), deployments: [] }),
  ];
  const url = await startApi((_request, response) => sendJson(response, 200, { workers }));
  const { stdout } = await slipwayProcess(["workers"], { url });
  expect(stdout.split("\n").slice(1)).toEqual([
    expect.stringMatching(/^worker-1 +ready +builder +1\/2 +shop for 12 min \d+ s$/),
    expect.stringMatching(/^worker-2 +lost +builder +- +shop when last seen 5 min. ago$/),
    expect.stringMatching(/^worker-3 +lost +builder +- +nothing when last seen 9 min. ago$/),
  ]);
  expect(JSON.parse((await slipwayProcess(["workers", "--json"], { url })).stdout)).toEqual({ workers });
});
