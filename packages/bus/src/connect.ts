// Connects to Redis by URL: to one server, to the primary that Sentinels name, which changes in a failover, or to a Redis Cluster.

import { Redis } from "ioredis";
import { clusterOptions, sentinelOptions } from "@slipway/service";
import { ClusterConnection, openClusterSubscription } from "./cluster.ts";
import type { RedisRetries } from "./redis-retries.ts";

/** A connection for commands. In a cluster, each command, transaction and script needs keys of one hash slot. */
export type RedisConnection = Redis | ClusterConnection;

/** Opens a connection. It reconnects by itself; after a failover, to the new primary. */
export function openRedis(url: string, options: RedisRetries = {}): RedisConnection {
  const cluster = clusterOptions(url);
  if (cluster !== undefined) return new ClusterConnection(cluster.nodes, cluster.nodeOptions, options);
  const sentinel = sentinelOptions(url);
  return sentinel === undefined ? new Redis(url, options) : new Redis({ ...sentinel, ...options });
}

/** Opens a connection for subscriptions. It does not resubscribe by itself, but has the event "ready" after each reconnection. */
export function openSubscription(redis: RedisConnection): Redis {
  return redis instanceof ClusterConnection
    ? openClusterSubscription(redis)
    : redis.duplicate({ autoResubscribe: false, maxRetriesPerRequest: null, commandTimeout: undefined });
}

/** Whether another server may replace the one that the connection is open to. */
export function mayFailOver(url: string): boolean {
  return sentinelOptions(url) !== undefined || clusterOptions(url) !== undefined;
}

/** A blocking call waits on a silent connection. After this time the system probes whether the connection is lost. */
const keepAlive = 10_000;

/** The option `connection` of BullMQ's queues. A connection to a cluster is open, and its owner closes it after the queue. */
export function queueConnection(url: string, options: RedisRetries) {
  const cluster = clusterOptions(url);
  if (cluster === undefined) return { ...(sentinelOptions(url) ?? { url }), keepAlive, ...options };
  return new ClusterConnection(cluster.nodes, { ...cluster.nodeOptions, keepAlive }, options);
}

/** The option `connection` of BullMQ's workers. They open and close duplicates of a connection to a cluster, which is not open itself. */
export function workerConnection(url: string) {
  const retries = { maxRetriesPerRequest: null };
  if (clusterOptions(url) === undefined) return queueConnection(url, retries);
  const connection = queueConnection(url, { ...retries, lazyConnect: true });
  // BullMQ opens a lazy connection only once: a worker that starts while the cluster is away would never run.
  if (connection instanceof ClusterConnection) connection.options.lazyConnect = false;
  return connection;
}
