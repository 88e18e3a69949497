// Creates a Redis user for each kind of process, with the keys and commands that it needs.

import { createHmac } from "node:crypto";
import { Redis } from "ioredis";
import { redisKeys } from "@slipway/protocol";

export type RedisUser = "api" | "stream" | "router" | "worker";
export type RedisUrls = Readonly<Record<RedisUser, string>>;

/** Commands that every client uses on a connection. */
const connection = "+ping +info +select +auth +hello +quit +client|setname";

/**
 * Creates the users, and returns the URL of each. Their passwords are derived from the server's own, so that repeating it changes
 * nothing. Redis does not store users, so this runs at each start.
 * @param url URL of the server's default user, who has all rights.
 */
export async function ensureRedisUsers(url: string, installationId: string): Promise<RedisUrls> {
  const client = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => null });
  try {
    const rights = redisRights(installationId);
    const own = await Promise.all(
      (Object.keys(rights) as RedisUser[]).map(async (user) => {
        const userUrl = new URL(url);
        userUrl.username = userName(installationId, user);
        userUrl.password = createHmac("sha256", decodeURIComponent(userUrl.password))
          .update(userUrl.username)
          .digest("hex");
        const secret = `>${userUrl.password}`;
        await client.call("ACL", "SETUSER", userUrl.username, "reset", "on", secret, ...rights[user]);
        return [user, userUrl.href] as const;
      }),
    );
    return Object.fromEntries(own) as RedisUrls;
  } finally {
    client.disconnect();
  }
}

/**
 * API and workers use the queue, whose library runs its own scripts, and have all rights except administering the server. The stream
 * reads logs; the router sends heartbeats, confirms cutovers and receives routes. Neither can access the queue or change a log.
 * @returns Redis's rules for each user, which has no rights by default. `npm run config-docs` writes them into docker-compose.yml.
 */
export function redisRights(installationId: string): Readonly<Record<RedisUser, readonly string[]>> {
  const keys = redisKeys(installationId);
  const all = words("~* &* +@all -@admin +client");
  return {
    api: all,
    worker: all,
    stream: [
      ...words(`~${keys.logHead("*")} ~${keys.logTail("*")} &${keys.appChannel("*")}`),
      ...words(`${connection} +subscribe +unsubscribe +hmget +xrange +xrevrange`),
    ],
    router: [
      ...words(`~${keys.routersSeen} ~${keys.routers} ~${keys.routersCutOver("*")} &${keys.routesChannel}`),
      ...words(`${connection} +subscribe +unsubscribe +multi +exec +eval +evalsha +time`),
      ...words("+zadd +zrangebyscore +zrem +hset +hdel +sadd +pexpire"),
    ],
  };
}

/** The user's name contains the installation's id, because several installations may share a server. */
function userName(installationId: string, user: RedisUser): string {
  return `slipway-${installationId}-${user}`;
}

function words(text: string): string[] {
  return text.split(" ");
}
