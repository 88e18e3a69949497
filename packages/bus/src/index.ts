// Redis between processes: typed channels, presence with heartbeats, routers, and scripts. Queues are not here.

export * from "./bus.ts";
export * from "./channel.ts";
export * from "./clock.ts";
export * from "./connect.ts";
export * from "./presence.ts";
export * from "./redis-failure.ts";
export * from "./redis-retries.ts";
export * from "./registry-writes.ts";
export * from "./routers.ts";
export * from "./script.ts";
export * from "./subscriber.ts";
