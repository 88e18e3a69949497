// A Node.js process that sends Redis one command per second, and does nothing else.

import { openRedis } from "@slipway/bus";

const [, , url = ""] = process.argv;
const redis = openRedis(url);
let count = 0;
setInterval(() => void redis.set("bench:count", (count += 1)), 1_000);
process.on("disconnect", () => process.exit());
