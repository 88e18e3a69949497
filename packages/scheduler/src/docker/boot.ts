// Starts one container and waits until it listens, or explains why it does not. The caller removes the container.

import { elapsed, endsWithin, rejectionOf, untilAborted } from "@slipway/async";
import type { RolloutSpec, SlipwayError, StartOptions } from "@slipway/core";
import type Docker from "dockerode";
import { type FileCounter, killContainer, startProcess } from "@slipway/docker";
import { causeOfExit } from "../exit-cause.ts";
import { portOf } from "../instance-config.ts";
import { wholeLines } from "../line-cutter.ts";
import { appCrashed, bootTimedOut } from "../boot-failures.ts";
import { forwardOutput } from "./boot-output.ts";
import type { LocalBridge } from "./direct-connection.ts";
import { type Findings, noFindings, untilListening } from "./until-listening.ts";

/** Remaining time for a probe that explains a time-out: on a busy machine it may have started late. */
const explanationLimitMs = 5_000;

export interface BootOptions extends StartOptions {
  /** Bridge of the instance's network; null when this process cannot connect to containers on it. */
  readonly bridge: LocalBridge | null;
  readonly files: FileCounter;
}

/**
 * Resolves once the instance listens; its process continues to run. An instance that exits before its output is drained counts as
 * crashed. @see Scheduler.start
 */
export async function bootContainer(
  docker: Docker,
  id: string,
  rollout: RolloutSpec,
  { onOutput, bridge, files, signal }: BootOptions,
): Promise<void> {
  using process = await startProcess(docker, id, { signal });
  const over = new AbortController();
  const findings = noFindings();
  const output = forwardOutput(rollout.count > 1 ? wholeLines(process.output) : process.output, onOutput);
  const { delivered } = output;
  const options = { bridge, port: portOf(rollout), timeoutMs: rollout.bootTimeoutMs, signal: over.signal };
  const exited = process.exitCode.then(() => "exited" as const);
  try {
    const outcome = await untilAborted(
      Promise.race([
        exited,
        untilListening(docker, id, options, findings),
        elapsed(rollout.bootTimeoutMs, over.signal).then(() => "late" as const),
        rejectionOf(delivered),
      ]),
      signal,
    );
    if (outcome === "listening") {
      const drained = output.drained(docker, over.signal).then(() => true);
      const exitedFirst = exited.then(() => false);
      if (await untilAborted(Promise.race([exitedFirst, drained, rejectionOf(delivered)]), signal)) {
        output.stop();
        process[Symbol.dispose]();
        return await untilAborted(delivered, signal);
      }
    }
    if (outcome === "late") {
      const explained = Promise.race([findings.looked.promise, exited]);
      await untilAborted(endsWithin(explained, explanationLimitMs), signal);
      await killContainer(docker, id);
    }
    await untilAborted(delivered, signal);
    throw outcome === "late"
      ? timedOut(rollout, findings)
      : await untilAborted(crashed(docker, files, id, rollout, await process.exitCode), signal);
  } finally {
    output.stop();
    over.abort();
  }
}

function timedOut(rollout: RolloutSpec, { listening, failure }: Findings): SlipwayError {
  const { processType, bootTimeoutMs } = rollout;
  const port = portOf(rollout);
  return bootTimedOut({ processType, bootTimeoutMs, port, listening, probeFailure: failure });
}

async function crashed(
  docker: Docker,
  files: FileCounter,
  id: string,
  rollout: RolloutSpec,
  exitCode: number,
): Promise<SlipwayError> {
  const { processType, limits } = rollout;
  const ended = { id, exitCode, diskBytes: limits.diskBytes };
  return appCrashed({ processType, exitCode, ...(await causeOfExit({ docker, files }, ended)), limits });
}
