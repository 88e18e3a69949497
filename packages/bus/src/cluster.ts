// Connections to a Redis Cluster that handle a lost cluster as connections to one server handle a lost server.

import { connect } from "node:net";
import type { Socket } from "node:net";
import { connect as connectSecurely } from "node:tls";
import { AbstractConnector, Cluster, Redis } from "ioredis";
import type { RedisRetries } from "./redis-retries.ts";

interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

/** The options of the connection to each node. */
export interface NodeOptions {
  readonly username?: string;
  readonly password?: string;
  readonly tls?: object;
  readonly keepAlive?: number;
}

/** As of ioredis. */
const defaultNode: NodeAddress = { host: "127.0.0.1", port: 6_379 };
/** Default of ioredis for one server. */
const defaultRetries = 20;
/** Default of ioredis. Each redirection that follows a lost connection takes 100 ms. */
const defaultRedirections = 16;
const movedPauseMs = 50;
/** The pause between attempts to connect grows to a maximum. */
const retryMs = { step: 50, max: 2_000 };
/** Finds a frozen node that the cluster has replaced: no error reports it. */
const slotsRefreshMs = 10_000;
/** Longer than a pause of a busy machine. */
const slotsTimeoutMs = 3_000;
/** A connection that does not end within this time is cut. */
const disconnectMs = 2_000;

/** The connections to the nodes of a cluster. */
export class ClusterConnection extends Cluster {
  /** The nodes that the URL names. */
  readonly seeds: readonly NodeAddress[];
  readonly nodeOptions: NodeOptions;

  constructor(seeds: readonly NodeAddress[], nodeOptions: NodeOptions, retries: RedisRetries) {
    const { lazyConnect = false, enableOfflineQueue = true, ...limits } = retries;
    const { maxRetriesPerRequest: maxRetries = defaultRetries } = limits;
    super([...seeds], {
      lazyConnect,
      enableOfflineQueue,
      maxRedirections: maxRetries === null ? Infinity : defaultRedirections,
      retryDelayOnMoved: movedPauseMs,
      slotsRefreshInterval: slotsRefreshMs,
      slotsRefreshTimeout: slotsTimeoutMs,
      clusterRetryStrategy: (times) => {
        // ioredis would let commands wait without a limit.
        if (maxRetries !== null && times > maxRetries)
          this["flushQueue"](new Error("none of the cluster's nodes can be reached"));
        return Math.min(times * retryMs.step, retryMs.max);
      },
      // Keeps host names, which certificates are checked against. The system resolves them for each connection.
      dnsLookup: (address, callback) => callback(null, address),
      redisOptions: { ...nodeOptions, ...limits },
    });
    this.seeds = seeds;
    this.nodeOptions = nodeOptions;
  }

  override disconnect(reconnect = false): void {
    const isOffline = this.status === "reconnecting";
    super.disconnect(reconnect);
    // ioredis would leave the waiting commands unanswered, because no connection closes.
    if (isOffline && !reconnect) this["handleCloseEvent"]();
  }
}

/**
 * Opens a connection for subscriptions to any node, since each node forwards published messages to all others. ioredis's own would change
 * the node without an event, so messages could be missed unnoticed.
 */
export function openClusterSubscription(cluster: ClusterConnection): Redis {
  let attempts = 0;
  class NodeConnector extends AbstractConnector {
    constructor() {
      super(disconnectMs);
    }

    /** Each attempt connects to another node. */
    override connect(): Promise<Socket> {
      const nodes = knownNodes(cluster);
      const address = nodes[attempts++ % nodes.length] ?? defaultNode;
      const { tls } = cluster.nodeOptions;
      this.connecting = true;
      this.stream = tls === undefined ? connect({ ...address }) : connectSecurely({ ...tls, ...address });
      return Promise.resolve(this.stream);
    }
  }
  return new Redis({
    ...cluster.nodeOptions,
    autoResubscribe: false,
    maxRetriesPerRequest: null,
    Connector: NodeConnector,
  });
}

function knownNodes(cluster: ClusterConnection): readonly NodeAddress[] {
  const known = cluster
    .nodes("all")
    .map(({ options: { host = defaultNode.host, port = defaultNode.port } }) => ({ host, port }));
  return known.length > 0 ? known : cluster.seeds;
}
