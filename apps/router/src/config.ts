// The router's configuration: the one schema, read from the environment that main.ts gives.

import { BlockList, isIP } from "node:net";
import { z } from "zod";
import { appUrlSettings, commonSettings, configFrom, countSetting, storageUrls } from "@slipway/service";
import type { Environment } from "@slipway/service";

const mebi = 1024 * 1024;
/** What Express calls so, for the API has the same setting. */
const namedNetworks: Readonly<Record<string, readonly string[]>> = {
  loopback: ["127.0.0.0/8", "::1/128"],
  linklocal: ["169.254.0.0/16", "fe80::/10"],
  uniquelocal: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
};
const trustedProxies = z
  .string()
  .default("")
  .transform((text) => text.split(/[\s,]+/).filter((item) => item !== ""))
  .transform((items) => items.flatMap((item) => namedNetworks[item] ?? [item]))
  .refine((items) => items.every((item) => isNetwork(item)), "must be addresses or CIDR ranges")
  .transform((items) => blockListOf(items));

const schema = commonSettings.extend({
  ...appUrlSettings.shape,
  ROUTER_HOST: z.string().min(1).default("127.0.0.1"),
  ROUTER_TIMEOUT_MS: countSetting.default(60_000),
  ROUTER_BODY_MAX_MB: countSetting.default(1_024).transform((size) => size * mebi),
  ROUTER_TRUST_PROXY: trustedProxies,
});

export type RouterConfig = z.output<typeof schema> & ReturnType<typeof storageUrls>;

/** @throws {SlipwayError} "configuration-invalid" that lists every problem. */
export function readConfig(environment: Environment): RouterConfig {
  const config = configFrom(schema, environment);
  return { ...config, ...storageUrls(config) };
}

function isNetwork(item: string): boolean {
  const [address = "", prefix, ...more] = item.split("/");
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

function blockListOf(items: readonly string[]): BlockList {
  const list = new BlockList();
  for (const item of items) {
    const [address = "", prefix] = item.split("/");
    const family = isIP(address) === 4 ? "ipv4" : "ipv6";
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}
