// The span of the request that created a deployment: part of the deployment's trace.

import type { Response } from "express";
import type { Deployment } from "@slipway/core";
import { deploymentIds, isTraced, randomSpanId, reportSpan } from "@slipway/telemetry";

const route = "/v1/apps/:app/deployments";

/** Reports the span when the response has ended. Without traces it does nothing. */
export function traceRequest(response: Response, startedAt: Date, { id }: Pick<Deployment, "id">): void {
  if (!isTraced()) return;
  response.once("close", () => {
    const { traceId, spanId: parentSpanId } = deploymentIds(id);
    reportSpan({
      traceId,
      spanId: randomSpanId(),
      parentSpanId,
      name: `POST ${route}`,
      kind: "server",
      startedAt,
      finishedAt: new Date(),
      failure: null,
      attributes: {
        "http.request.method": "POST",
        "http.route": route,
        "http.response.status_code": response.statusCode,
      },
    });
  });
}
