// slipway workers and queue, for operators.

import { z } from "zod";
import { workersAnswer } from "@slipway/protocol";
import { CommandError, exitCodes } from "../client/command-error.ts";
import { table } from "./output.ts";
import type { AddCommand } from "./command.ts";
import type { Session } from "./session.ts";

const waiting = z.object({
  app_name: z.string().nullable(),
  deployment_id: z.string(),
  position: z.number().nullable(),
  reason: z.string().nullable(),
  waiting_since: z.string(),
});
const queueAnswer = z.looseObject({
  queue: z.looseObject({
    waiting: z.number(),
    running: z.number(),
    oldest_waiting_at: z.string().nullable(),
    paused: z.boolean(),
    deployments: z.array(z.looseObject(waiting.shape)),
  }),
});

export function addOperatorCommands(add: AddCommand): void {
  add("workers", "list the workers and what they run", { examples: ["slipway workers"], run: workers });
  add("queue", "show what waits, how long and for what", { examples: ["slipway queue --json"], run: queue });
}

async function workers(session: Session): Promise<number> {
  const found = await (await session.api()).get("/workers", workersAnswer);
  const rows = found.workers.map((one) => [
    one.name,
    one.state,
    one.host,
    `${one.deployments.length}/${one.concurrency}`,
    one.deployments.map((run) => run.app_name ?? run.app_id).join(", ") || "-",
  ]);
  session.output.result(found, table(["NAME", "STATE", "HOST", "DEPLOYMENTS", "APPS"], rows));
  return exitCodes.success;
}

async function queue(session: Session): Promise<number> {
  const found = await (await session.api()).find("/queue", queueAnswer);
  if (found === undefined) {
    throw new CommandError(
      "This Slipway does not show its queue: update it, or see the dashboard at /queues.",
    );
  }
  const { queue: state } = found;
  const rows = state.deployments.map((one) => [
    one.app_name ?? "-",
    one.deployment_id,
    String(one.position ?? "-"),
    one.reason ?? "-",
    one.waiting_since,
  ]);
  const summary = `${state.waiting} waiting, ${state.running} running${state.paused ? ", paused" : ""}, oldest since ${state.oldest_waiting_at ?? "-"}`;
  session.output.result(found, [
    summary,
    ...(rows.length === 0 ? [] : table(["APP", "DEPLOYMENT", "POSITION", "WAITS FOR", "SINCE"], rows)),
  ]);
  return exitCodes.success;
}
