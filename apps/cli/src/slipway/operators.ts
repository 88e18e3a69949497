// slipway workers and queue, for operators.

import { z } from "zod";
import { workerAnswer, workersAnswer } from "@slipway/protocol";
import type { WorkerBody } from "@slipway/protocol";
import { ageText, durationText, waitText } from "@slipway/protocol/presentation";
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
  estimated_seconds: z.number().nullish(),
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
  add("workers [action] [worker]", "list the workers, or let one drain or resume", {
    examples: ["slipway workers", "slipway workers drain worker-2", "slipway workers resume worker-2"],
    run: (session, [action, worker]) =>
      action === undefined ? workers(session) : changeWorker(session, action, worker),
  });
  add("queue", "show what waits, how long and for what", { examples: ["slipway queue --json"], run: queue });
}

async function workers(session: Session): Promise<number> {
  const found = await (await session.api()).get("/workers", workersAnswer);
  const rows = found.workers.map((one) => [
    one.name,
    one.state,
    one.host,
    one.state === "lost" ? "-" : `${one.building}/${one.concurrency}`,
    worksOn(one),
  ]);
  session.output.result(found, table(["NAME", "STATE", "HOST", "BUILDS", "WORKS ON"], rows));
  return exitCodes.success;
}

interface Work {
  readonly app_name: string | null;
  readonly app_id: string;
  readonly since: string;
}

/** The present work of a worker; of a lost one, the work of its last heartbeat, which another worker may have taken over. */
function worksOn({ state, deployments, operations, last_seen_at: seenAt }: WorkerBody): string {
  const work = [...deployments, ...operations];
  if (state !== "lost") return work.map(workText).join(", ") || "-";
  const names = work.map(nameOf).join(", ") || "nothing";
  return `${names} when last seen ${ageOf(seenAt)}`;
}

function workText(work: Work): string {
  return `${nameOf(work)} for ${durationText(Date.now() - Date.parse(work.since))}`;
}

function nameOf({ app_name: name, app_id: id }: Work): string {
  return name ?? id;
}

function ageOf(time: string): string {
  return ageText(Date.now() - Date.parse(time));
}

/** @param wanted the worker's name or id. */
async function changeWorker(session: Session, action: string, wanted: string | undefined): Promise<number> {
  if ((action !== "drain" && action !== "resume") || wanted === undefined)
    throw new CommandError(
      "Give an action and a worker: slipway workers drain NAME, or slipway workers resume NAME.",
      exitCodes.usage,
    );
  const api = await session.api();
  const { workers: all } = await api.get("/workers", workersAnswer);
  const found = all.filter(({ id, name, state }) => id === wanted || (name === wanted && state !== "lost"));
  const [worker] = found;
  if (worker === undefined) throw new CommandError(`No worker is named ${wanted}: see slipway workers.`);
  if (found.length > 1)
    throw new CommandError(
      `${found.length} workers are named ${wanted}: give one of the ids ${found.map(({ id }) => id).join(", ")}.`,
    );
  const change = { worker: { draining: action === "drain" } };
  const changed = await api.send("PATCH", `/workers/${worker.id}`, change, workerAnswer);
  session.output.result(changed, `${worker.name} is ${changed.worker.state}.`);
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
    waitText(one.reason),
    ageOf(one.waiting_since),
    one.estimated_seconds == null ? "-" : durationText(one.estimated_seconds * 1000),
  ]);
  const oldest =
    state.oldest_waiting_at === null ? "" : `, the oldest queued ${ageOf(state.oldest_waiting_at)}`;
  const counts = `${state.waiting} waiting${oldest}; ${state.running} running`;
  session.output.result(found, [
    state.paused ? `The queue is paused: ${counts}` : counts,
    ...(rows.length === 0
      ? []
      : table(["APP", "DEPLOYMENT", "POSITION", "WAITS FOR", "QUEUED", "STARTS IN"], rows)),
  ]);
  return exitCodes.success;
}
