// Connects to Redis by URL: to one server, or to the primary that Sentinels name, which changes in a failover.

import { Redis } from "ioredis";

/** How a connection deals with a lost server. */
export interface RedisRetries {
  readonly lazyConnect?: boolean;
  /** How often a command is sent again after a lost connection; null without limit. */
  readonly maxRetriesPerRequest?: number | null;
  /** Milliseconds after which a command fails. */
  readonly commandTimeout?: number;
  /** Whether commands wait for the connection; otherwise they fail while there is none. */
  readonly enableOfflineQueue?: boolean;
}

/** For the configuration's errors and documents. */
export const redisUrlForms =
  "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or redis+sentinel://[USER:PASSWORD@]HOST[:PORT],…/NAME[/DATABASE]; " +
  "with TLS rediss:// or rediss+sentinel://";

const sentinelUrl = new RegExp(
  [
    /^(?<protocol>rediss?)\+sentinel:\/\//,
    /(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?/,
    /(?<hosts>[^@/?#]+)\/(?<name>[^/?#]+)(?:\/(?<database>\d{1,5}))?/,
    /(?:\?(?<query>[^#]*))?$/,
  ]
    .map(({ source }) => source)
    .join(""),
);
const hostAndPort = /^(?<host>\[[0-9a-f:]+\]|[^:]+)(?::(?<port>\d{1,5}))?$/i;
const sentinelPort = 26_379;
/** The pause before the Sentinels are asked again, when none of them named a primary, grows up to a maximum. */
const sentinelRetryMs = { step: 100, max: 2_000 };

/** Whether `openRedis` can connect to the URL. */
export function isRedisUrl(url: string): boolean {
  try {
    return sentinelOptions(url) !== undefined || ["redis:", "rediss:"].includes(new URL(url).protocol);
  } catch {
    return false;
  }
}

/** Opens a connection. It reconnects by itself, after a failover to the new primary. */
export function openRedis(url: string, options: RedisRetries = {}): Redis {
  const sentinel = sentinelOptions(url);
  return sentinel === undefined ? new Redis(url, options) : new Redis({ ...sentinel, ...options });
}

/** The option `connection` of BullMQ's classes. */
export function queueConnection(url: string, options: RedisRetries) {
  return { ...(sentinelOptions(url) ?? { url }), ...options };
}

/** Undefined for the URL of one server. @throws when a host is none. */
function sentinelOptions(url: string) {
  const parts = sentinelUrl.exec(url)?.groups;
  if (parts === undefined) return undefined;
  const query = new URLSearchParams(parts["query"]);
  const secure = parts["protocol"] === "rediss";
  return {
    sentinels: (parts["hosts"] ?? "").split(",").map(addressOf),
    name: decodeURIComponent(parts["name"] ?? ""),
    db: Number(parts["database"] ?? 0),
    ...given("username", decoded(parts["user"])),
    ...given("password", decoded(parts["password"])),
    ...given("sentinelUsername", query.get("sentinelUsername")),
    ...given("sentinelPassword", query.get("sentinelPassword")),
    ...(secure ? { tls: {}, enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
    sentinelRetryStrategy: (times: number) => Math.min(times * sentinelRetryMs.step, sentinelRetryMs.max),
    // The former primary may answer as a replica before the connection to it is lost: connect again, and repeat the command.
    reconnectOnError: ({ message }: Error) => (message.startsWith("READONLY") ? (2 as const) : false),
  };
}

function addressOf(text: string): { host: string; port: number } {
  const { host, port } = hostAndPort.exec(text)?.groups ?? {};
  if (host === undefined) throw new Error("a Sentinel's address is HOST or HOST:PORT");
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port ?? sentinelPort) };
}

function decoded(text: string | undefined): string | undefined {
  return text === undefined ? undefined : decodeURIComponent(text);
}

/** Leaves out an option that is not given: an empty user name or password would be sent. */
function given<Name extends string>(
  name: Name,
  value: string | null | undefined,
): Partial<Record<Name, string>> {
  return value === null || value === undefined || value === ""
    ? {}
    : ({ [name]: value } as Record<Name, string>);
}
