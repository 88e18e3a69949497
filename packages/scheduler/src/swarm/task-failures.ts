// Explains why a task does not listen. The container is inspected if the engine of its node is connected.

import { type Healthcheck, type RolloutSpec, SlipwayError } from "@slipway/core";
import { statusOf } from "@slipway/docker";
import type Docker from "dockerode";
import { appCrashed, bootTimedOut, unhealthy } from "../boot-failures.ts";
import { causeOfExit, type ExitCause } from "../exit-cause.ts";
import { type CheckResult, runCheck } from "../image-healthcheck.ts";
import { portOf } from "../instance-config.ts";
import { type Listening, notListening, watchListening } from "../listening.ts";
import { ignoringAbsence } from "../overfull-containers.ts";
import { ifReachable } from "../reachable.ts";
import { engineOf, type NodeEngines } from "./nodes.ts";
import type { Task } from "./swarm-api.ts";

const probeLimitMs = 5_000;

/** The error for a task that ended while it booted. */
export async function bootFailure(
  engines: NodeEngines,
  rollout: RolloutSpec,
  task: Task,
): Promise<SlipwayError> {
  const { State, Err = "", ContainerStatus } = task.Status;
  const { processType, limits } = rollout;
  if (State === "rejected" && /No such image|pull|manifest|registry/i.test(Err))
    return new SlipwayError("registry-unavailable", `the image ${rollout.image} cannot be pulled: ${Err}`);
  if (/unhealthy/.test(Err)) return await lateFailure(engines, rollout, task);
  const exitCode = ContainerStatus?.ExitCode ?? 0;
  const exited = State === "complete" || (State === "failed" && /exit/.test(Err));
  if (!exited)
    return new SlipwayError("engine-unavailable", `Swarm did not run the release: ${Err || State}`);
  const cause = await causeOfTask(engines, rollout, ContainerStatus?.ContainerID ?? "", exitCode);
  return appCrashed({ processType, exitCode, ...cause, limits });
}

/** The error for a task that runs but does not listen. */
export async function lateFailure(
  engines: NodeEngines,
  rollout: RolloutSpec,
  task: Task,
): Promise<SlipwayError> {
  const { processType, bootTimeoutMs, healthcheck } = rollout;
  const port = portOf(rollout);
  const { ContainerID: id = "" } = task.Status.ContainerStatus ?? {};
  const engine = await engineOf(engines, id);
  const listening = engine === null ? notListening : await lookOnce(engine.docker, id, port);
  const facts = { processType, bootTimeoutMs, port };
  if (healthcheck !== null && engine !== null && listening.reach === "reachable")
    return unhealthy({ ...facts, check: await checkOnce(engine.docker, id, healthcheck) });
  const mayBeUnhealthy = healthcheck !== null && engine === null;
  return bootTimedOut({ ...facts, listening, probeFailure: "", mayBeUnhealthy });
}

/** The error for a service that another program removed while its tasks booted. */
export function removedFailure(): SlipwayError {
  return new SlipwayError(
    "engine-unavailable",
    "the service of the release was removed from the swarm while it started",
  );
}

/** The error for a service for which Swarm did not create all tasks. */
export function missingFailure(count: number): SlipwayError {
  return new SlipwayError(
    "engine-unavailable",
    `Swarm did not create the ${count} instances of the release; see docker service ps`,
  );
}

/** The error for a task without a node, or whose node has not pulled the image. */
export function stuckFailure({ Status }: Task): SlipwayError {
  const reason = Status.Err ? `: ${Status.Err}` : "";
  return new SlipwayError(
    "engine-unavailable",
    `Swarm did not start an instance of the release, which is still ${Status.State}${reason}; see docker service ps`,
  );
}

/** Also without a cause when the container's node cannot be reached; then only the exit code is known. */
async function causeOfTask(
  engines: NodeEngines,
  { limits }: RolloutSpec,
  id: string,
  exitCode: number,
): Promise<ExitCause> {
  const unknown = { outOfMemory: false, diskFull: null };
  const engine = await engineOf(engines, id);
  if (engine === null) return unknown;
  const ended = { id, exitCode, diskBytes: limits.diskBytes };
  const look = () => ignoringAbsence(() => causeOfExit(engine, ended));
  // The node may fail meanwhile, which must not hide the crash.
  return (await ifReachable(engine.docker, look)) ?? unknown;
}

/** @returns null when the check succeeds now, when the container has ended, or when the engine takes too long. */
async function checkOnce(
  docker: Docker,
  containerId: string,
  { command, timeoutMs }: Healthcheck,
): Promise<CheckResult | null> {
  const limited = { command, timeoutMs: Math.min(timeoutMs, probeLimitMs) };
  const signal = AbortSignal.timeout(2 * probeLimitMs);
  try {
    const result = await runCheck(docker, containerId, limited, signal);
    return result.exitCode === 0 ? null : result;
  } catch (error) {
    if (!signal.aborted && ![404, 409].includes(statusOf(error) ?? 0)) throw error;
    return null;
  }
}

/** Finds no socket when the container has ended. */
async function lookOnce(docker: Docker, containerId: string, port: number): Promise<Listening> {
  let listening = notListening;
  const onState = (state: Listening): void => void (listening = state);
  try {
    await watchListening(docker, containerId, port, 0, onState, AbortSignal.timeout(probeLimitMs));
  } catch (error) {
    if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
  }
  return listening;
}
