// Presents workers, for operators.

import type { WorkerBody } from "@slipway/protocol";
import type { FleetWorker } from "@slipway/queue";

/** @param appNames the names of apps by id, without deleted apps. */
export function presentWorker(worker: FleetWorker, appNames: ReadonlyMap<string, string>): WorkerBody {
  const { id, name, host, pid, version, state, concurrency, operationConcurrency, engine } = worker;
  return {
    id,
    name,
    host,
    pid,
    version,
    state,
    concurrency,
    building: worker.building ?? worker.running.filter((run) => "deploymentId" in run).length,
    operation_concurrency: operationConcurrency,
    engine: { address: engine.address, cpus: engine.cpus, memory_bytes: engine.memoryBytes },
    started_at: worker.startedAt,
    last_seen_at: worker.lastSeenAt.toISOString(),
    deployments: worker.running.flatMap((run) =>
      "deploymentId" in run ? [presentRun(run.deploymentId, run, appNames)] : [],
    ),
    operations: worker.running.flatMap((run) =>
      "operationId" in run ? [presentRun(run.operationId, run, appNames)] : [],
    ),
  };
}

function presentRun(
  id: string,
  { appId, attempt, since }: FleetWorker["running"][number],
  appNames: ReadonlyMap<string, string>,
): WorkerBody["operations"][number] {
  return { id, app_id: appId, app_name: appNames.get(appId) ?? null, attempt, since };
}
