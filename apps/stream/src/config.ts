// The stream's configuration: its schema, parsed from environment variables.

import { z } from "zod";
import {
  clientSettings,
  commonSettings,
  configFrom,
  settingDocs,
  signingKeysFrom,
  storageUrls,
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

export type StreamConfig = z.output<typeof settings> &
  ReturnType<typeof storageUrls> & { readonly signingKeys: ReturnType<typeof signingKeysFrom> };

/** @throws {SlipwayError} "configuration-invalid" with every problem in its message. */
export function readConfig(environment: Environment): StreamConfig {
  const config = configFrom(settings, environment);
  return { ...config, ...storageUrls(config), signingKeys: signingKeysFrom(config) };
}
