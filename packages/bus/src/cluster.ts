// Connections to a Redis Cluster that handle a lost cluster as connections to one server handle a lost server.

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { connect as connectSecurely } from "node:tls";
import { AbstractConnector, Cluster, Redis } from "ioredis";
import type { ClusterNode, ClusterOptions } from "ioredis";
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

/** Default of ioredis. */
const defaultNode: NodeAddress = { host: "127.0.0.1", port: 6_379 };
/** Default of ioredis for one server. */
const defaultRetries = 20;
/** How often a command is sent to another node. The first is the default of ioredis. After a lost connection each takes 100 ms. */
const redirections = { usual: 16, withoutWaiting: 3 };
const movedPauseMs = 50;
/** The pause between attempts to connect grows to a maximum. */
const retryMs = { step: 50, max: 2_000 };
/** Finds a frozen node that the cluster has replaced: no error reports it. The connections to it are then closed. */
const slotsRefreshMs = 10_000;
/** Longer than a pause of a busy machine. */
const slotsTimeoutMs = 3_000;
/** More than a cluster has. */
const manyNodes = 1_000;
/** A connection that does not end within this time is cut. */
const disconnectMs = 2_000;

/**
 * The connections to the nodes of a cluster.
 *
 * While none of the nodes can be reached, commands wait in a queue of ioredis. In public, only the end of the connection rejects them, and
 * a BullMQ queue whose connection ends before it was ready never works again. So two private methods are called, `flushQueue` and
 * `handleCloseEvent`: the type check fails if one no longer exists, and connect.test.ts if it does less.
 */
export class ClusterConnection extends Cluster {
  /** The nodes that the URL names. */
  readonly seeds: readonly NodeAddress[];
  readonly nodeOptions: NodeOptions;
  readonly #retries: RedisRetries;
  #hasEnded = false;

  constructor(seeds: readonly NodeAddress[], nodeOptions: NodeOptions, retries: RedisRetries) {
    const { lazyConnect = false, enableOfflineQueue = true, ...limits } = retries;
    const { maxRetriesPerRequest: maxRetries = defaultRetries } = limits;
    super([...seeds], {
      lazyConnect,
      enableOfflineQueue,
      maxRedirections: redirectionsOf(maxRetries, enableOfflineQueue),
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
    this.#retries = retries;
    this.on("end", () => (this.#hasEnded = true));
    this.on("connecting", () => (this.#hasEnded = false));
  }

  /** BullMQ calls it right after `disconnect`. ioredis would mix the events of both, and might never resolve. */
  override async connect(): Promise<void> {
    if (this.status === "disconnecting") await once(this, "end");
    return super.connect();
  }

  /** BullMQ's workers block on a duplicate. */
  override duplicate(_seeds?: ClusterNode[], { redisOptions }: Partial<ClusterOptions> = {}): Cluster {
    const { lazyConnect = false } = this.options;
    const nodeOptions = { ...this.nodeOptions, ...redisOptions } as NodeOptions;
    return new ClusterConnection(this.seeds, nodeOptions, { ...this.#retries, lazyConnect });
  }

  override disconnect(reconnect = false): void {
    // After the end, further nodes close, and ioredis changes the status again.
    if (this.#hasEnded && this.status !== "connecting") {
      this.status = "end";
      return;
    }
    const hasNoNode =
      this.status === "reconnecting" || (this.status === "connecting" && this.nodes().length === 0);
    super.disconnect(reconnect);
    // ioredis would leave the waiting commands unanswered, because no connection to a node closes.
    if (hasNoNode && !reconnect) this["handleCloseEvent"]();
  }
}

function redirectionsOf(maxRetries: number | null, enableOfflineQueue: boolean): number {
  if (maxRetries === null) return Infinity;
  return enableOfflineQueue ? redirections.usual : redirections.withoutWaiting;
}

/**
 * Opens a connection for subscriptions to any node, since each node forwards published messages to all others. ioredis's own would change
 * the node without an event, so messages could be missed unnoticed.
 */
export function openClusterSubscription(cluster: ClusterConnection): Redis {
  // Starts at any node, so that the subscriptions of all processes are spread over the nodes.
  let attempts = randomInt(manyNodes);
  let current = defaultNode;
  class NodeConnector extends AbstractConnector {
    constructor() {
      super(disconnectMs);
    }

    /** Each attempt connects to another node. */
    override connect(): Promise<Socket> {
      const nodes = knownNodes(cluster);
      current = nodes[attempts++ % nodes.length] ?? defaultNode;
      const { tls } = cluster.nodeOptions;
      this.connecting = true;
      this.stream = tls === undefined ? connect({ ...current }) : connectSecurely({ ...tls, ...current });
      return Promise.resolve(this.stream);
    }
  }
  const subscription = new Redis({
    ...cluster.nodeOptions,
    autoResubscribe: false,
    maxRetriesPerRequest: null,
    Connector: NodeConnector,
  });
  // A frozen node, and one that left the cluster, keeps the connection open and sends nothing.
  const leave = (removed: Redis) => {
    const { host, port } = addressOf(removed);
    if (host === current.host && port === current.port) subscription.disconnect(true);
  };
  cluster.on("-node", leave);
  return subscription.once("end", () => cluster.off("-node", leave));
}

function knownNodes(cluster: ClusterConnection): readonly NodeAddress[] {
  const known = cluster.nodes("all").map(addressOf);
  return known.length > 0 ? known : cluster.seeds;
}

function addressOf({ options: { host = defaultNode.host, port = defaultNode.port } }: Redis): NodeAddress {
  return { host, port };
}
