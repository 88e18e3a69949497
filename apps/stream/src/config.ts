// The stream's configuration: its schema, parsed from environment variables.

import { z } from "zod";
import {
  clientSettings,
  commonConfig,
  commonSettings,
  configFrom,
  settingDocs,
  signingKeysFrom,
  withSigningKeys,
} from "@slipway/service";
import type { Environment } from "@slipway/service";

const streamSettings = commonSettings.extend({
  ...clientSettings.shape,
  STREAM_HOST: z.string().min(1).default("127.0.0.1").register(settingDocs, {
    topic: "addresses",
    description: "Address that the stream listens on.",
  }),
});
/** Every variable that the stream reads. */
export const settings = withSigningKeys(streamSettings);

export type StreamConfig = ReturnType<typeof grouped>;

/** @throws {SlipwayError} "configuration-invalid" with every problem in its message. */
export function readConfig(environment: Environment): StreamConfig {
  return grouped(configFrom(settings, environment));
}

function grouped(parsed: z.output<typeof settings>) {
  return {
    ...commonConfig(parsed, "stream"),
    server: {
      host: parsed.STREAM_HOST,
      port: parsed.STREAM_PORT,
      trustedProxies: parsed.TRUST_PROXY,
      corsOrigins: parsed.CORS_ORIGINS,
    },
    auth: { signingKeys: signingKeysFrom(parsed) },
  };
}
