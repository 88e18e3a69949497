// The stream's configuration: the one schema, read from the environment that main.ts gives.

import { z } from "zod";
import { commonSettings, configFrom, originsSetting, portSetting, storageUrls } from "@slipway/service";
import type { Environment } from "@slipway/service";

const schema = commonSettings.extend({
  STREAM_PORT: portSetting.default(4101),
  STREAM_HOST: z.string().min(1).default("127.0.0.1"),
  CORS_ORIGINS: originsSetting,
  SIGNING_KEY: z.string().min(32, "must have at least 32 characters"),
});

export type StreamConfig = z.output<typeof schema> & ReturnType<typeof storageUrls>;

/** @throws {SlipwayError} "configuration-invalid" that lists every problem. */
export function readConfig(environment: Environment): StreamConfig {
  const config = configFrom(schema, environment);
  return { ...config, ...storageUrls(config) };
}
