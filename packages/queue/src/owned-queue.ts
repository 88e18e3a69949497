// A BullMQ queue of the installation that owns its connection to Redis.

import { Queue } from "bullmq";
import { queueConnection } from "@slipway/bus";
import type { RedisKeys } from "@slipway/protocol";

export interface OwnedQueueOptions {
  readonly redisUrl: string;
  readonly keys: Pick<RedisKeys, "queuePrefix">;
  /** Maximum number of retries of a command after lost connections; null for no limit. */
  readonly maxRetriesPerRequest?: number | null;
}

const defaultRetries = 3;

/** Closing it also closes its connection, which BullMQ leaves open if it is one to a cluster. */
export class OwnedQueue<Data> extends Queue<Data> {
  readonly #connection: ReturnType<typeof queueConnection>;

  constructor(name: string, options: OwnedQueueOptions) {
    const { redisUrl, keys, maxRetriesPerRequest = defaultRetries } = options;
    const connection = queueConnection(redisUrl, { maxRetriesPerRequest });
    super(name, { connection, prefix: keys.queuePrefix });
    this.#connection = connection;
  }

  override async close(): Promise<void> {
    await super.close();
    if ("disconnect" in this.#connection) this.#connection.disconnect();
  }
}
