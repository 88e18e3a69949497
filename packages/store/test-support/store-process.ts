// A process that a test starts several times on one database: each creates deployments in one lane and claims one deployment.

import { once } from "node:events";
import { claim } from "@slipway/core";
import type { Deployment } from "@slipway/core";
import { aNewDeployment, testTime } from "@slipway/testkit";
import { openStore } from "../src/index.ts";

/** The commands of the parent process. */
export interface Orders {
  readonly databaseUrl: string;
  readonly appId: string;
  /** The deployment before any process started: each claims it from this revision. */
  readonly contested: Deployment;
  readonly creates: number;
  readonly attempts: readonly number[];
}

/** The results of the process. */
export interface Report {
  readonly numbers: readonly number[];
  readonly wonAttempts: readonly number[];
}

async function run(orders: Orders): Promise<Report> {
  await using store = await openStore({ databaseUrl: orders.databaseUrl });
  const [numbers, wonAttempts] = [[] as number[], [] as number[]];
  for (let index = 0; index < orders.creates; index += 1) {
    const { number } = await store.deployments.create(aNewDeployment({ appId: orders.appId }));
    numbers.push(number);
    const attempt = orders.attempts[index];
    if (attempt === undefined) continue;
    const claimed = claim(orders.contested, attempt, { at: testTime, lineCount: 0 });
    if (await store.deployments.compareAndSet(claimed)) wonAttempts.push(attempt);
  }
  return { numbers, wonAttempts };
}

process.send?.("ready");
const [orders] = (await once(process, "message")) as [Orders];
process.send?.(await run(orders));
process.disconnect();
