// The API's configuration: its schema, and reading it from the environment that main.ts passes.

import { z } from "zod";
import { maxWebCount } from "@slipway/core";
import {
  appUrl,
  appUrlSettings,
  clientSettings,
  blobSettings,
  commonConfig,
  commonSettings,
  configFrom,
  countSetting,
  deploymentSettings,
  limitSetting,
  portSetting,
  regionSettings,
  registrySizeFile,
  settingDocs,
  signingKeysFrom,
  stackSettings,
  stacksOf,
  storageUrls,
  traceCollector,
  traceSettings,
  withSigningKeys,
} from "@slipway/service";
import type { Environment } from "@slipway/service";

const publicUrl = (protocol: RegExp, error: string) =>
  z
    .url({ protocol, error })
    .transform((url) => url.replace(/\/+$/, ""))
    .optional();

const quotaNote = "Operators have no limit. `0`: no limit.";

const apiSettings = commonSettings.extend({
  ...blobSettings.shape,
  ...appUrlSettings.shape,
  ...clientSettings.shape,
  ...deploymentSettings.shape,
  ...regionSettings.shape,
  ...traceSettings.shape,
  ...stackSettings.partial({ STACK_IMAGE: true }).shape,
  API_PORT: portSetting.default(4100).register(settingDocs, {
    topic: "addresses",
    description: "Port of the REST API and the queue dashboard.",
  }),
  ACCESS_LOG_LEVEL: z.enum(["info", "debug", "trace"]).default("info").register(settingDocs, {
    topic: "processes",
    description:
      "Severity of the API's log lines about requests that succeeded. Others are `info` or `error`.",
    npmStart: "`debug`",
  }),
  API_HOST: z.string().min(1).default("127.0.0.1").register(settingDocs, {
    topic: "addresses",
    description: "Address that the API listens on.",
  }),
  PUBLIC_API_URL: publicUrl(/^https?$/, "must be an http:// or https:// URL").register(settingDocs, {
    topic: "addresses",
    description: "URL of the API for its clients; part of upload URLs and API responses.",
    unset: "`http://127.0.0.1:API_PORT`",
    example: "http://127.0.0.1:4100",
  }),
  PUBLIC_STREAM_URL: publicUrl(/^wss?$/, "must be a ws:// or wss:// URL").register(settingDocs, {
    topic: "addresses",
    description: "URL of the stream for its clients; part of an app's links.",
    unset: "`ws://127.0.0.1:STREAM_PORT`",
    example: "ws://127.0.0.1:4101",
  }),
  BOOTSTRAP_TOKEN: z.string().min(1).optional().register(settingDocs, {
    topic: "access",
    description:
      "API token of the first operator, `admin`: `tk-us-` and 20 to 200 letters, digits, `-` or `_`.",
    npmStart: "generated once, stored in `DATA_DIR/admin-token`",
  }),
  APP_QUEUE_MAX: countSetting.default(100).register(settingDocs, {
    topic: "queue",
    description: "Deployments of one app that may wait in its lane; a further one is refused with 409.",
  }),
  APP_CONTAINERS_MAX: countSetting.max(maxWebCount).default(10).register(settingDocs, {
    topic: "releases",
    description:
      "Containers that an app may be scaled to. While it restarts or scales, as many again run beside them.",
  }),
  MAX_APPS_PER_USER: limitSetting.default(100).register(settingDocs, {
    topic: "access",
    description: `Apps that a user may own. ${quotaNote}`,
  }),
  MAX_CONTAINERS_PER_USER: limitSetting.default(200).register(settingDocs, {
    topic: "access",
    description: `Containers that all apps of a user may be scaled to; a new app counts as one. ${quotaNote}`,
  }),
  MAX_SOURCES_PER_USER: limitSetting.default(500).register(settingDocs, {
    topic: "access",
    description: `Sources of a user that may be stored at the same time. ${quotaNote}`,
  }),
  MAX_SOURCES_MB_PER_USER: limitSetting
    .default(5_120)
    .transform((size) => size * 1024 ** 2)
    .register(settingDocs, {
      topic: "access",
      description: `Size of all archives of a user's sources. ${quotaNote}`,
      unit: "MiB",
    }),
  RATE_LIMIT: limitSetting.default(1_200).register(settingDocs, {
    topic: "access",
    description:
      "Requests per minute with one API token and the JWTs exchanged for it; a user may send five times as many. `0`: no limit.",
  }),
  RATE_LIMIT_POLLS: limitSetting.default(12_000).register(settingDocs, {
    topic: "access",
    description:
      "Like `RATE_LIMIT`, for the requests that clients poll with: a deployment and its output. `0`: no limit.",
  }),
  RATE_LIMIT_ADDRESS: limitSetting.default(1_200).register(settingDocs, {
    topic: "access",
    description: "Requests per minute from one IP address that carry no valid token. `0`: no limit.",
  }),
  LOGIN_ATTEMPTS: limitSetting.default(20).register(settingDocs, {
    topic: "access",
    description:
      "Failed logins by password from one IP address in 15 minutes; five times as many for one user. `0`: no limit.",
  }),
});
/** Every variable that the API reads. */
export const settings = withSigningKeys(apiSettings);
const storageSettings = commonSettings
  .pick({ DATA_DIR: true, DATABASE_URL: true })
  .extend(blobSettings.shape);

/** The URLs that clients use, without a trailing slash. */
export interface PublicUrls {
  readonly api: string;
  readonly stream: string;
  /** @returns the URL of the app with this name. */
  readonly app: (name: string) => string;
}

export type ApiConfig = ReturnType<typeof grouped>;

/** Reads and validates the configuration. @throws {SlipwayError} "configuration-invalid" that lists every problem. */
export function readConfig(environment: Environment): ApiConfig {
  return grouped(configFrom(settings, environment));
}

/** The settings that a command on the store needs. @throws {SlipwayError} "configuration-invalid" that lists every problem. */
export function readStorageConfig(environment: Environment): ReturnType<typeof storageUrls> {
  return storageUrls(configFrom(storageSettings, environment));
}

function grouped(parsed: z.output<typeof settings>) {
  return {
    ...commonConfig(parsed, "api"),
    traces: traceCollector(parsed),
    blobsUrl: storageUrls(parsed).blobsUrl,
    /** The file in which `npm start` stores the size of the private registry. */
    registrySizeFile: registrySizeFile(parsed.DATA_DIR),
    region: parsed.REGION_NAME,
    /** The default one first. */
    stacks: stacksOf(parsed),
    server: {
      host: parsed.API_HOST,
      port: parsed.API_PORT,
      trustedProxies: parsed.TRUST_PROXY,
      corsOrigins: parsed.CORS_ORIGINS,
      accessLogLevel: parsed.ACCESS_LOG_LEVEL,
    },
    urls: publicUrls(parsed),
    auth: { signingKeys: signingKeysFrom(parsed), bootstrapToken: parsed.BOOTSTRAP_TOKEN },
    limits: {
      archiveBytes: parsed.SOURCE_MAX_MB,
      uploadMs: parsed.SOURCE_TIMEOUT_MS,
      queuedPerApp: parsed.APP_QUEUE_MAX,
      containersPerApp: parsed.APP_CONTAINERS_MAX,
      slotsPerOwner: parsed.OWNER_SLOTS,
      reservedSlots: parsed.RESERVED_SLOTS,
    },
    userQuotas: {
      apps: quotaOf(parsed.MAX_APPS_PER_USER),
      containers: quotaOf(parsed.MAX_CONTAINERS_PER_USER),
      sources: quotaOf(parsed.MAX_SOURCES_PER_USER),
      sourceBytes: quotaOf(parsed.MAX_SOURCES_MB_PER_USER),
    },
    /** 0 means no limit. */
    rateLimits: {
      tokenPerMinute: parsed.RATE_LIMIT,
      pollsPerMinute: parsed.RATE_LIMIT_POLLS,
      addressPerMinute: parsed.RATE_LIMIT_ADDRESS,
      loginAttempts: parsed.LOGIN_ATTEMPTS,
    },
  };
}

function quotaOf(setting: number): number | null {
  return setting === 0 ? null : setting;
}

function publicUrls(parsed: z.output<typeof settings>): PublicUrls {
  return {
    api: parsed.PUBLIC_API_URL ?? `http://127.0.0.1:${parsed.API_PORT}`,
    stream: parsed.PUBLIC_STREAM_URL ?? `ws://127.0.0.1:${parsed.STREAM_PORT}`,
    app: (name) => appUrl(parsed, name),
  };
}
