// The URL of Redis: of one server, of Sentinels, which name the primary, or of nodes of a Redis Cluster.

/** Description of the forms, for error messages and documents. */
export const redisUrlForms =
  "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], redis+sentinel://[USER:PASSWORD@]HOST[:PORT],…/NAME[/DATABASE], or " +
  "redis+cluster://[USER:PASSWORD@]HOST[:PORT],…; with TLS rediss://, rediss+sentinel:// or rediss+cluster://";

const login = /(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?/;
const hosts = /(?<hosts>[^@/?#]+)/;
const sentinelUrl = joined(
  /^(?<protocol>rediss?)\+sentinel:\/\//,
  login,
  hosts,
  /\/(?<name>[^/?#]+)(?:\/(?<database>\d{1,5}))?/,
  /(?:\?(?<query>[^#]*))?$/,
);
const clusterUrl = joined(/^(?<protocol>rediss?)\+cluster:\/\//, login, hosts, /(?<rest>[/?#].*)?$/);
const hostAndPort = /^(?<host>\[[0-9a-f:]+\]|[^:]+)(?::(?<port>\d{1,5}))?$/i;
const sentinelPort = 26_379;
const serverPort = 6_379;
/** The pause between queries of the Sentinels grows to a maximum while none of them names a primary. */
const sentinelRetryMs = { step: 100, max: 2_000 };

/** What is wrong with the URL; undefined when it has one of these forms. */
export function redisUrlProblem(url: string): string | undefined {
  try {
    if (sentinelOptions(url) !== undefined || clusterOptions(url) !== undefined) return undefined;
    if (["redis:", "rediss:"].includes(new URL(url).protocol)) return undefined;
    return `must be a redis:// URL: ${redisUrlForms}`;
  } catch (error) {
    const reason = error instanceof RedisUrlError ? `: ${error.message}` : "";
    return `must be a redis:// URL${reason}: ${redisUrlForms}`;
  }
}

class RedisUrlError extends Error {}

/** @returns the options for ioredis; undefined for any other URL. @throws when an address has no valid host. */
export function sentinelOptions(url: string) {
  const parts = sentinelUrl.exec(url)?.groups;
  if (parts === undefined) return undefined;
  const query = new URLSearchParams(parts["query"]);
  const secure = parts["protocol"] === "rediss";
  return {
    sentinels: addressesOf(parts, sentinelPort),
    name: decodeURIComponent(parts["name"] ?? ""),
    db: Number(parts["database"] ?? 0),
    ...loginOf(parts),
    ...given("sentinelUsername", query.get("sentinelUsername")),
    ...given("sentinelPassword", query.get("sentinelPassword")),
    ...(secure ? { tls: {}, enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
    sentinelRetryStrategy: (times: number) => Math.min(times * sentinelRetryMs.step, sentinelRetryMs.max),
    // After a failover, the former primary may respond as a replica before its connection is lost: reconnect, and repeat the command.
    reconnectOnError: ({ message }: Error) => (message.startsWith("READONLY") ? (2 as const) : false),
  };
}

/**
 * @returns nodes of the cluster, and the options for ioredis of the connection to each node; undefined for any other URL.
 * @throws when an address has no valid host, or the URL names a database.
 */
export function clusterOptions(url: string) {
  const parts = clusterUrl.exec(url)?.groups;
  if (parts === undefined) return undefined;
  if (parts["rest"] !== undefined)
    throw new RedisUrlError("a Redis Cluster has only database 0, so its URL ends after the last host");
  const secure = parts["protocol"] === "rediss";
  return {
    nodes: addressesOf(parts, serverPort),
    nodeOptions: { ...loginOf(parts), ...(secure ? { tls: {} } : {}) },
  };
}

type Parts = Readonly<Record<string, string | undefined>>;

function addressesOf(parts: Parts, defaultPort: number): { host: string; port: number }[] {
  return (parts["hosts"] ?? "").split(",").map((text) => {
    const { host, port } = hostAndPort.exec(text)?.groups ?? {};
    if (host === undefined) throw new RedisUrlError("each address is HOST or HOST:PORT");
    return { host: host.replace(/^\[|\]$/g, ""), port: Number(port ?? defaultPort) };
  });
}

function loginOf(parts: Parts) {
  return {
    ...given("username", decoded(parts["user"])),
    ...given("password", decoded(parts["password"])),
  };
}

function joined(...parts: readonly RegExp[]): RegExp {
  return new RegExp(parts.map(({ source }) => source).join(""));
}

function decoded(text: string | undefined): string | undefined {
  return text === undefined ? undefined : decodeURIComponent(text);
}

/** Omits a missing option, because an empty user name or password would be sent. */
function given<Name extends string>(
  name: Name,
  value: string | null | undefined,
): Partial<Record<Name, string>> {
  return value === null || value === undefined || value === ""
    ? {}
    : ({ [name]: value } as Record<Name, string>);
}
