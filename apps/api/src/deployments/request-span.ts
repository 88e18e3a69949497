// The span of the request that created a deployment: part of the deployment's trace.

import type { Response } from "express";
import type { Deployment } from "@slipway/core";
import { deploymentIds, isTraced, randomSpanId, reportSpan } from "@slipway/telemetry";

const route = "/v1/apps/:app/deployments";

/** Reports the span when the response has ended, and adds the trace's id to the request's line in the log. Without traces it does nothing. */
export function traceRequest(response: Response, startedAt: Date, { id }: Pick<Deployment, "id">): void {
  if (!isTraced()) return;
  const { traceId, spanId: parentSpanId } = deploymentIds(id);
  response.locals["traceId"] = traceId;
  response.once("close", () => {
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
