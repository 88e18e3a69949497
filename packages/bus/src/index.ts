// Redis between processes: typed channels, presence with heartbeats, and scripts. Queues are not here.

export * from "./channel.ts";
export * from "./presence.ts";
export * from "./script.ts";
