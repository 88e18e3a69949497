// The condition for running deployments.

import { runningStatuses } from "@slipway/core";

/** Written as in the partial indexes: SQLite uses one only when the query repeats its condition. */
export const running = `status IN (${runningStatuses.map((status) => `'${status}'`).join(", ")})`;
