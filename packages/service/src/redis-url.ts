// The URL of Redis: of one server, or of Sentinels, which name the primary.

/** Description of the forms, for error messages and documents. */
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
/** The pause between queries of the Sentinels grows to a maximum while none of them names a primary. */
const sentinelRetryMs = { step: 100, max: 2_000 };

/** Whether the URL has one of these forms. */
export function isRedisUrl(url: string): boolean {
  try {
    return sentinelOptions(url) !== undefined || ["redis:", "rediss:"].includes(new URL(url).protocol);
  } catch {
    return false;
  }
}

/** @returns the options for ioredis; undefined for the URL of one server. @throws when an address has no valid host. */
export function sentinelOptions(url: string) {
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
    // After a failover, the former primary may respond as a replica before its connection is lost: reconnect, and repeat the command.
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

/** Omits a missing option, because an empty user name or password would be sent. */
function given<Name extends string>(
  name: Name,
  value: string | null | undefined,
): Partial<Record<Name, string>> {
  return value === null || value === undefined || value === ""
    ? {}
    : ({ [name]: value } as Record<Name, string>);
}
