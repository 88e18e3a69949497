// Groups the settings that every process reads.

import type { z } from "zod";
import { storageUrls } from "./settings.ts";
import type { commonSettings, traceSettings } from "./settings.ts";

/** @param processName the process's name in its log, unless SERVICE_NAME is set. */
export function commonConfig(settings: z.output<typeof commonSettings>, processName: string) {
  return {
    installationId: settings.INSTALLATION_ID,
    redisUrl: settings.REDIS_URL,
    databaseUrl: storageUrls(settings).databaseUrl,
    graceMs: settings.GRACE_MS,
    /** Null: metrics are not served. */
    metricsAddress:
      settings.METRICS_PORT === undefined
        ? null
        : { host: settings.METRICS_HOST, port: settings.METRICS_PORT },
    log: {
      name: settings.SERVICE_NAME ?? processName,
      level: settings.LOG_LEVEL,
      format: settings.LOG_FORMAT,
    },
  };
}

/** The collector to which traces are sent. */
export interface TraceCollector {
  readonly url: string;
  /** Headers of requests, which may contain a secret. */
  readonly headers: Readonly<Record<string, string>>;
}

/** @returns null when traces are not configured. */
export function traceCollector(settings: z.output<typeof traceSettings>): TraceCollector | null {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: headers } = settings;
  return endpoint === undefined ? null : { url: `${endpoint.replace(/\/+$/, "")}/v1/traces`, headers };
}
