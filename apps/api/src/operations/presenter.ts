// Presents operations.

import type { Operation } from "@slipway/core";
import type { OperationBody } from "@slipway/protocol";

export function presentOperation(operation: Operation): OperationBody {
  return {
    id: operation.id,
    app_id: operation.appId,
    type: operation.kind,
    status: operation.status,
    error: operation.failure?.message ?? "",
    created_at: operation.createdAt.toISOString(),
    started_at: operation.startedAt?.toISOString() ?? null,
    finished_at: operation.finishedAt?.toISOString() ?? null,
  };
}
