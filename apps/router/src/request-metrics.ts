// Measures requests by the class of their status, and by whether the app or the router responded.

import type { ServerResponse } from "node:http";
import { isMeasured, record } from "@slipway/telemetry";

/**
 * Marks responses of apps. A WeakSet would grow with every request until the next collection of the old generation, which a router rarely
 * needs for other reasons.
 */
const fromApp = Symbol("from the app");

interface MeasuredResponse extends ServerResponse {
  [fromApp]?: true;
}

/** Records the request when its response ends or its connection closes. Without metrics it does nothing. */
export function measureRequest(response: MeasuredResponse): void {
  if (!isMeasured()) return;
  const startedAt = performance.now();
  response.once("close", () => {
    recordRequest({
      status: response.writableFinished ? response.statusCode : null,
      isFromApp: response[fromApp] === true,
      seconds: (performance.now() - startedAt) / 1e3,
    });
  });
}

export interface MeasuredRequest {
  /** Null when the connection was closed before the response ended. */
  readonly status: number | null;
  /** Whether the app responded, and not the router. */
  readonly isFromApp: boolean;
  readonly seconds: number;
}

/** Records a request that has ended. */
export function recordRequest({ status, isFromApp, seconds }: MeasuredRequest): void {
  const statusClass = status === null ? "disconnected" : `${Math.floor(status / 100)}xx`;
  record(
    "slipway_router_request_duration_seconds",
    { class: statusClass, source: isFromApp ? "app" : "router" },
    seconds,
  );
}

/** Marks the response as the app's, in contrast to a page of the router. */
export function markFromApp(response: MeasuredResponse): void {
  response[fromApp] = true;
}
