// The API's configuration: the one schema, read from the environment that main.ts gives.

import { z } from "zod";
import { maxWebCount } from "@slipway/core";
import {
  appUrlSettings,
  commonSettings,
  configFrom,
  countSetting,
  originsSetting,
  portSetting,
  signingKeysFrom,
  storageUrls,
  trustedProxiesSetting,
  withSigningKeys,
} from "@slipway/service";
import type { Environment } from "@slipway/service";

const mebi = 1024 * 1024;
const publicUrl = (protocol: RegExp, error: string) =>
  z
    .url({ protocol, error })
    .transform((url) => url.replace(/\/+$/, ""))
    .optional();

/** How many in a window of time; 0 for no limit. */
const limitSetting = z.coerce.number().int().min(0);

const settings = commonSettings.extend({
  ...appUrlSettings.shape,
  API_PORT: portSetting.default(4100),
  API_HOST: z.string().min(1).default("127.0.0.1"),
  STREAM_PORT: portSetting.default(4101),
  PUBLIC_API_URL: publicUrl(/^https?$/, "must be an http:// or https:// URL"),
  PUBLIC_STREAM_URL: publicUrl(/^wss?$/, "must be a ws:// or wss:// URL"),
  BOOTSTRAP_TOKEN: z.string().min(1).optional(),
  REGION_NAME: z.string().min(1).default("local"),
  SOURCE_MAX_MB: countSetting.default(300).transform((size) => size * mebi),
  OWNER_SLOTS: countSetting.default(10),
  APP_QUEUE_MAX: countSetting.default(100),
  APP_CONTAINERS_MAX: countSetting.max(maxWebCount).default(10),
  RATE_LIMIT: limitSetting.default(1_200),
  RATE_LIMIT_POLLS: limitSetting.default(12_000),
  RATE_LIMIT_ADDRESS: limitSetting.default(1_200),
  LOGIN_ATTEMPTS: limitSetting.default(20),
  TRUST_PROXY: trustedProxiesSetting,
  CORS_ORIGINS: originsSetting,
});
const schema = withSigningKeys(settings);
const storageSettings = commonSettings.pick({ DATA_DIR: true, DATABASE_URL: true, BLOBS_URL: true });

type SigningKeySource = { readonly signingKeys: ReturnType<typeof signingKeysFrom> };
type PublicUrls = { readonly PUBLIC_API_URL: string; readonly PUBLIC_STREAM_URL: string };

export type ApiConfig = z.output<typeof schema> &
  ReturnType<typeof storageUrls> &
  PublicUrls &
  SigningKeySource;

/** @throws {SlipwayError} "configuration-invalid" that lists every problem. */
export function readConfig(environment: Environment): ApiConfig {
  const config = configFrom(schema, environment);
  return {
    ...config,
    ...storageUrls(config),
    signingKeys: signingKeysFrom(config),
    PUBLIC_API_URL: config.PUBLIC_API_URL ?? `http://127.0.0.1:${config.API_PORT}`,
    PUBLIC_STREAM_URL: config.PUBLIC_STREAM_URL ?? `ws://127.0.0.1:${config.STREAM_PORT}`,
  };
}

/** What a command on the store needs. @throws {SlipwayError} "configuration-invalid" that lists every problem. */
export function readStorageConfig(environment: Environment): ReturnType<typeof storageUrls> {
  return storageUrls(configFrom(storageSettings, environment));
}
