// The stream's configuration: the one schema, read from the environment that main.ts gives.

import { z } from "zod";
import {
  commonSettings,
  configFrom,
  originsSetting,
  portSetting,
  signingKeysFrom,
  storageUrls,
  trustedProxiesSetting,
  withSigningKeys,
} from "@slipway/service";
import type { Environment } from "@slipway/service";

const settings = commonSettings.extend({
  STREAM_PORT: portSetting.default(4101),
  STREAM_HOST: z.string().min(1).default("127.0.0.1"),
  CORS_ORIGINS: originsSetting,
  TRUST_PROXY: trustedProxiesSetting,
});
const schema = withSigningKeys(settings);

export type StreamConfig = z.output<typeof schema> &
  ReturnType<typeof storageUrls> & { readonly signingKeys: ReturnType<typeof signingKeysFrom> };

/** @throws {SlipwayError} "configuration-invalid" that lists every problem. */
export function readConfig(environment: Environment): StreamConfig {
  const config = configFrom(schema, environment);
  return { ...config, ...storageUrls(config), signingKeys: signingKeysFrom(config) };
}
