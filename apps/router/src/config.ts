// The router's configuration: its schema, parsed from environment variables.

import { BlockList, isIP } from "node:net";
import { z } from "zod";
import {
  appUrlSettings,
  commonConfig,
  commonSettings,
  configFrom,
  countSetting,
  listSetting,
  mebibytesSetting,
  settingDocs,
} from "@slipway/service";
import type { Environment } from "@slipway/service";

/** Networks by Express's names for them, which the API's TRUST_PROXY also accepts. */
const namedNetworks: Readonly<Record<string, readonly string[]>> = {
  loopback: ["127.0.0.0/8", "::1/128"],
  linklocal: ["169.254.0.0/16", "fe80::/10"],
  uniquelocal: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
};
const trustedProxies = listSetting()
  .transform((items) => items.flatMap((item) => namedNetworks[item] ?? [item]))
  .refine((items) => items.every((item) => isNetwork(item)), "must be addresses or CIDR ranges");

/** Every variable that the router reads. */
export const settings = commonSettings.extend({
  ...appUrlSettings.shape,
  ROUTER_HOST: z.string().min(1).default("127.0.0.1").register(settingDocs, {
    topic: "addresses",
    description: "Address that the router listens on.",
  }),
  ROUTER_TIMEOUT_MS: countSetting.default(60_000).register(settingDocs, {
    topic: "releases",
    description:
      "How long an app may send nothing during a request before the router ends it. WebSockets may idle.",
    unit: "ms",
  }),
  ROUTER_BODY_MAX_MB: mebibytesSetting(1_024).register(settingDocs, {
    topic: "releases",
    description: "Largest body of a request to an app.",
    unit: "MiB",
  }),
  ROUTER_ACCESS_LOG_LEVEL: z.enum(["off", "info", "debug", "trace"]).default("off").register(settingDocs, {
    topic: "processes",
    description:
      "Severity of the router's log lines about requests to apps. `off`: it writes none. WebSockets have no lines.",
  }),
  ROUTER_HAPROXY: z
    .string()
    .regex(/^[\w./-]+$/, "must be the name or the path of a program")
    .optional()
    .register(settingDocs, {
      topic: "processes",
      description:
        "Name or path of HAProxy 2.6 or newer. If set, the router starts it in front of itself, and it forwards plain requests without the router.",
      unset: "no HAProxy",
      example: "haproxy",
    }),
  ROUTER_TRUST_PROXY: trustedProxies.register(settingDocs, {
    topic: "access",
    description:
      "Proxies in front of the router whose `X-Forwarded-` headers are trusted: addresses, CIDR ranges, `loopback`, `linklocal`, `uniquelocal`.",
  }),
});

export type RouterConfig = ReturnType<typeof grouped>;

/** @throws {SlipwayError} "configuration-invalid" with every problem in its message. */
export function readConfig(environment: Environment): RouterConfig {
  return grouped(configFrom(settings, environment));
}

function grouped(parsed: z.output<typeof settings>) {
  return {
    ...commonConfig(parsed, "router"),
    server: {
      host: parsed.ROUTER_HOST,
      port: parsed.ROUTER_PORT,
      domain: parsed.ROUTER_DOMAIN,
      trustedProxies: blockListOf(parsed.ROUTER_TRUST_PROXY),
      accessLogLevel: parsed.ROUTER_ACCESS_LOG_LEVEL,
    },
    haproxy:
      parsed.ROUTER_HAPROXY === undefined
        ? null
        : { program: parsed.ROUTER_HAPROXY, trustedNetworks: parsed.ROUTER_TRUST_PROXY },
    limits: { timeoutMs: parsed.ROUTER_TIMEOUT_MS, bodyMaxBytes: parsed.ROUTER_BODY_MAX_MB },
  };
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
