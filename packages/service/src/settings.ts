// The settings that several processes share, and the schemas of common kinds of values.

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { redisUrlForms, redisUrlProblem } from "./redis-url.ts";
import { settingDocs } from "./setting-docs.ts";

/** A port number given as text. */
export const portSetting = z.coerce.number().int().min(0).max(65_535);
/** A positive integer given as text: milliseconds, bytes, a count. */
export const countSetting = z.coerce.number().int().positive();
/** A number that may be 0, whose meaning the setting's description explains: usually no limit. */
export const limitSetting = z.coerce.number().int().min(0);
/** Items separated by blanks or commas. Default: none. */
export function listSetting() {
  return z
    .string()
    .default("")
    .transform((text) => itemsOf(text));
}

const mebi = 1024 * 1024;

/** A size given in MiB, parsed to bytes. */
export function mebibytesSetting(fallback: number) {
  return countSetting.default(fallback).transform((size) => size * mebi);
}

/** An `http:` or `https:` URL. */
export function httpUrlSetting() {
  return z.url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" });
}

/** HTTP headers in OpenTelemetry's format for variables. Error messages contain no values, since they may be secrets. */
const headersSetting = z
  .string()
  .default("")
  .transform((text, context): Readonly<Record<string, string>> => {
    const items = text.split(",").filter((item) => item.trim() !== "");
    const headers = items.map((item) => headerOf(item));
    if (headers.includes(null)) context.addIssue("must be name=value, percent-encoded, separated by commas");
    return Object.fromEntries(headers.filter((header) => header !== null));
  });

/** The settings of every process of an installation. Setup provides most of them. */
export const commonSettings = z.object({
  SERVICE_NAME: z.string().min(1).optional().register(settingDocs, {
    topic: "processes",
    description: "Name of the process in its own log.",
    unset: "`api`, `stream`, `router`, `worker`",
    npmStart: "`worker-1`, `worker-2`…",
  }),
  DATA_DIR: z
    .string()
    .min(1)
    .default(".slipway")
    .transform((path) => resolve(path))
    .register(settingDocs, {
      topic: "services",
      description:
        "Folder that holds all state of the installation. The commands resolve a relative path from the repository's root, a process started by hand from its working directory.",
    }),
  INSTALLATION_ID: z
    .string()
    .regex(/^[a-z0-9-]{1,32}$/, "must be 1 to 32 lower-case letters, digits or hyphens")
    .register(settingDocs, {
      topic: "services",
      description:
        "Names what belongs to the installation in Redis and on engines: 1 to 32 lower-case letters, digits or hyphens. Keep it as long as anything of the installation exists.",
      npmStart: "generated once, stored in `DATA_DIR`",
    }),
  REDIS_URL: z
    .string()
    .superRefine((url, context) => {
      const problem = redisUrlProblem(url);
      if (problem !== undefined) context.addIssue(problem);
    })
    .register(settingDocs, {
      topic: "services",
      description: `URL of a Redis 6.2 or newer that is configured not to evict keys, of Sentinels that watch one, or of nodes of a Redis Cluster: \`${redisUrlForms}\` ([Redis with a failover](operations.md#redis-with-a-failover)).`,
      npmStart: "a private server",
    }),
  DATABASE_URL: z.string().min(1).optional().register(settingDocs, {
    topic: "services",
    description:
      "The database: path or `file:` URL of an SQLite file, or a `mongodb:` or `mongodb+srv:` URL ([MongoDB](mongodb.md)).",
    unset: "`file:DATA_DIR/database/slipway.db`",
  }),
  GRACE_MS: countSetting.default(30_000).register(settingDocs, {
    topic: "processes",
    description: "How long a process that received SIGTERM may finish its work before it requeues the rest.",
    unit: "ms",
  }),
  LOG_LEVEL: z
    .enum(["fatal", "error", "warn", "info", "debug", "trace"])
    .default("info")
    .register(settingDocs, {
      topic: "processes",
      description: "Minimum severity of the lines that the processes write to their own logs.",
    }),
  LOG_FORMAT: z.enum(["json", "pretty"]).default("json").register(settingDocs, {
    topic: "processes",
    description: "Format of the processes' own logs.",
    npmStart: "`pretty` in a terminal",
  }),
  METRICS_PORT: portSetting.optional().register(settingDocs, {
    topic: "processes",
    description:
      "Port on which a process serves `/metrics` to Prometheus. `npm start` counts up from it: the API has this port, the stream the next one, then the router and each worker. See [Metrics](metrics.md).",
    unset: "no metrics",
    example: "9464",
  }),
  METRICS_HOST: z.string().min(1).default("127.0.0.1").register(settingDocs, {
    topic: "processes",
    description:
      "Address on which a process serves `/metrics`, without authentication: never a public address.",
  }),
});

/** The setting of processes that store or read blobs. Other processes do not get it, because the URL may contain a password. */
export const blobSettings = z.object({
  BLOBS_URL: z.string().min(1).optional().register(settingDocs, {
    topic: "services",
    description:
      "Storage of uploaded archives and build caches: path or `file:` URL of a folder, or a `mongodb:` URL whose GridFS is used.",
    unset: "`file:DATA_DIR/blobs`, or `DATABASE_URL` if that is a MongoDB",
  }),
});

/** The settings of the API and the worker, whose spans form the traces of deployments. Their names are OpenTelemetry's. */
export const traceSettings = z.object({
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrlSetting().optional().register(settingDocs, {
    topic: "processes",
    description:
      "URL of a collector that receives traces of deployments by OTLP over HTTP (JSON), at `/v1/traces` below it. See [Traces](traces.md).",
    unset: "no traces",
    example: "http://127.0.0.1:4318",
  }),
  OTEL_EXPORTER_OTLP_HEADERS: headersSetting.register(settingDocs, {
    topic: "processes",
    description:
      "Headers of the requests to the collector: `name=value`, percent-encoded, separated by commas. They may hold a secret, such as `Authorization=Bearer%20TOKEN`.",
  }),
});

/** The settings of the API and of processes that start containers of apps. */
export const regionSettings = z.object({
  REGION_NAME: z.string().min(1).default("local").register(settingDocs, {
    topic: "processes",
    description: "Name of the installation's only region, in API responses and in the environment of apps.",
  }),
});

/** The settings of the API, which accepts sources and queues deployments, and of the worker, which unpacks and runs them. */
export const deploymentSettings = z.object({
  SOURCE_MAX_MB: mebibytesSetting(300).register(settingDocs, {
    topic: "builds",
    description: "Maximum size of a source: as an archive, and unpacked with all headers.",
    unit: "MiB",
  }),
  SOURCE_TIMEOUT_MS: countSetting.default(10 * 60_000).register(settingDocs, {
    topic: "builds",
    description:
      "Maximum duration of a source's upload, or of its download from a URL. Both must also transfer at least 60 KiB in each minute.",
    unit: "ms",
  }),
  OWNER_SLOTS: countSetting.default(10).register(settingDocs, {
    topic: "queue",
    description:
      "Deployments of one owner that may run or wait for a worker at the same time; further ones stay queued.",
  }),
  RESERVED_SLOTS: limitSetting.default(1).register(settingDocs, {
    topic: "queue",
    description:
      "Deployments that the workers can run beside those of any one owner, so that other owners do not wait for its builds. An owner may always run one. Without effect while there is only one user. `0`: one owner may use all workers.",
  }),
});

/** The settings of processes that route requests to apps or return the apps' URLs. */
export const appUrlSettings = z.object({
  ROUTER_DOMAIN: z
    .string()
    .regex(
      /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/,
      "must be a domain name in lower case",
    )
    .default("localhost")
    .register(settingDocs, {
      topic: "addresses",
      description:
        "Domain whose subdomains are the apps: requests for `APP.ROUTER_DOMAIN` go to the app `APP`.",
    }),
  ROUTER_PORT: portSetting.default(4180).register(settingDocs, {
    topic: "addresses",
    description: "Port of the router.",
  }),
  PUBLIC_APP_URL: z
    .string()
    .refine(
      (url) => /^https?:\/\/\{app\}\.[^/{}]+\/?$/.test(url) && URL.canParse(url.replace("{app}", "app")),
      "must be like https://{app}.apps.example.com",
    )
    .transform((url) => url.replace(/\/$/, ""))
    .optional()
    .register(settingDocs, {
      topic: "addresses",
      description:
        "URL of an app for its users, with `{app}` in place of its name; part of API responses. `ROUTER_DOMAIN` must match it.",
      unset: "`http://{app}.ROUTER_DOMAIN:ROUTER_PORT`",
      example: "http://{app}.localhost:4180",
    }),
});

/** @returns the app's public URL. The router routes requests by its host name. */
export function appUrl(config: z.output<typeof appUrlSettings>, name: string): string {
  const url = config.PUBLIC_APP_URL ?? `http://{app}.${config.ROUTER_DOMAIN}:${config.ROUTER_PORT}`;
  return url.replace("{app}", name);
}

const mongoUrl = /^mongodb(\+srv)?:/i;

/** The SQLite file of a data directory. It has its own folder, since SQLite creates files beside it. */
export function databaseFile(dataDir: string): string {
  return join(dataDir, "database", "slipway.db");
}

/** The file to which `npm start` writes the number of bytes in the private registry of a data directory. */
export function registrySizeFile(dataDir: string): string {
  return join(dataDir, "registry-bytes");
}

/** The database file's path in earlier versions. `npm start` moves the file. */
export function formerDatabaseFile(dataDir: string): string {
  return join(dataDir, "slipway.db");
}

/** @returns the URLs of the database and the blobs. Defaults: files in DATA_DIR; for the blobs, the MongoDB of DATABASE_URL. */
export function storageUrls(config: {
  DATA_DIR: string;
  DATABASE_URL?: string | undefined;
  BLOBS_URL?: string | undefined;
}) {
  const former = formerDatabaseFile(config.DATA_DIR);
  const inDataDir = existsSync(former) ? former : databaseFile(config.DATA_DIR);
  const databaseUrl = config.DATABASE_URL ?? `file:${inDataDir}`;
  const blobsUrl = mongoUrl.test(databaseUrl) ? databaseUrl : `file:${config.DATA_DIR}/blobs`;
  return { databaseUrl, blobsUrl: config.BLOBS_URL ?? blobsUrl };
}

/** @returns the items of a list separated by blanks or commas. */
export function itemsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((item) => item !== "");
}

/** @returns null when the text is not a header. */
function headerOf(item: string): readonly [name: string, value: string] | null {
  const [, name, value] = /^\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(.*?)\s*$/.exec(item) ?? [];
  if (name === undefined || value === undefined) return null;
  try {
    return [name, decodeURIComponent(value)];
  } catch {
    return null;
  }
}
