// Explains why a task does not listen. The container is inspected when it runs on the connected node.

import { type RolloutSpec, SlipwayError } from "@slipway/core";
import { ranOutOfMemory, statusOf } from "@slipway/docker";
import type Docker from "dockerode";
import { appCrashed, bootTimedOut } from "../boot-failures.ts";
import { portOf } from "../instance-config.ts";
import { type Listening, notListening, watchListening } from "../listening.ts";
import type { Task } from "./swarm-api.ts";

const probeLimitMs = 5_000;

/** The error for a task that ended while it booted. */
export async function bootFailure(docker: Docker, rollout: RolloutSpec, task: Task): Promise<SlipwayError> {
  const { State, Err = "", ContainerStatus } = task.Status;
  const { processType, limits } = rollout;
  if (State === "rejected" && /No such image|pull|manifest|registry/i.test(Err))
    return new SlipwayError("registry-unavailable", `the image ${rollout.image} cannot be pulled: ${Err}`);
  if (/unhealthy/.test(Err)) return await lateFailure(docker, rollout, task);
  const exitCode = ContainerStatus?.ExitCode ?? 0;
  const exited = State === "complete" || (State === "failed" && /exit/.test(Err));
  if (!exited)
    return new SlipwayError("engine-unavailable", `Swarm did not run the release: ${Err || State}`);
  const outOfMemory = await taskRanOutOfMemory(docker, ContainerStatus?.ContainerID, exitCode);
  return appCrashed({ processType, exitCode, outOfMemory, diskFull: null, limits });
}

/** The error for a task that runs but does not listen. */
export async function lateFailure(docker: Docker, rollout: RolloutSpec, task: Task): Promise<SlipwayError> {
  const { processType, bootTimeoutMs } = rollout;
  const containerId = task.Status.ContainerStatus?.ContainerID;
  const listening =
    containerId === undefined ? notListening : await lookOnce(docker, containerId, portOf(rollout));
  const port = portOf(rollout);
  return bootTimedOut({ processType, bootTimeoutMs, port, listening, probeFailure: "" });
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

/** False also when the container is on another node; then only the exit code is known. */
async function taskRanOutOfMemory(
  docker: Docker,
  containerId: string | undefined,
  exitCode: number,
): Promise<boolean> {
  if (containerId === undefined) return false;
  try {
    return await ranOutOfMemory(docker, containerId, exitCode);
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}

/** Finds no socket when the container is on another node, or has ended. */
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
