// The API's configuration: the one schema, read from the environment that main.ts gives.

import { z } from "zod";
import {
  commonSettings,
  configFrom,
  countSetting,
  portSetting,
  signingKeysFrom,
  storageUrls,
  withSigningKeys,
} from "@slipway/service";
import type { Environment } from "@slipway/service";

const mebi = 1024 * 1024;
const publicUrl = (protocol: RegExp, error: string) =>
  z
    .url({ protocol, error })
    .transform((url) => url.replace(/\/+$/, ""))
    .optional();

const settings = commonSettings.extend({
  API_PORT: portSetting.default(4100),
  API_HOST: z.string().min(1).default("127.0.0.1"),
  STREAM_PORT: portSetting.default(4101),
  PUBLIC_API_URL: publicUrl(/^https?$/, "must be an http:// or https:// URL"),
  PUBLIC_STREAM_URL: publicUrl(/^wss?$/, "must be a ws:// or wss:// URL"),
  BOOTSTRAP_TOKEN: z.string().min(1).optional(),
  REGION_NAME: z.string().min(1).default("local"),
  SOURCE_MAX_MB: countSetting.default(300).transform((size) => size * mebi),
  OWNER_SLOTS: countSetting.default(10),
});
const schema = withSigningKeys(settings);

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
