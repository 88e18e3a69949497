// Starts one container and waits until it listens and the HEALTHCHECK of its image succeeds, or explains why not. The caller removes the
// container.

import { elapsed, endsWithin, rejectionOf, untilAborted } from "@slipway/async";
import type { RolloutSpec, SlipwayError, StartOptions } from "@slipway/core";
import type Docker from "dockerode";
import { type FileCounter, killContainer, startProcess } from "@slipway/docker";
import { causeOfExit } from "../exit-cause.ts";
import { portOf } from "../instance-config.ts";
import { wholeLines } from "../line-cutter.ts";
import { appCrashed, bootTimedOut, type ExitMoment, unhealthy } from "../boot-failures.ts";
import { forwardOutput } from "./boot-output.ts";
import type { LocalBridge } from "./direct-connection.ts";
import { type CheckResult, imageHealthcheck, untilHealthy } from "./image-healthcheck.ts";
import { type Findings, type ListeningOptions, noFindings, untilListening } from "./until-listening.ts";

/** Remaining time for a probe that explains a time-out: on a busy machine it may have started late. */
const explanationLimitMs = 5_000;

export interface BootOptions extends StartOptions {
  /** Bridge of the instance's network; null when this process cannot connect to containers on it. */
  readonly bridge: LocalBridge | null;
  readonly files: FileCounter;
}

/** What is known of an instance that boots. */
interface BootFindings extends Findings {
  /** The latest check; null before the instance listens, and without a check. */
  check: CheckResult | null;
}

/**
 * Resolves once the instance listens and is healthy; its process continues to run. An instance that exits before its output is drained counts as
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
  const checking = new AbortController();
  const findings: BootFindings = { ...noFindings(), check: null };
  const output = forwardOutput(rollout.count > 1 ? wholeLines(process.output) : process.output, onOutput);
  const { delivered } = output;
  const options = {
    bridge,
    port: portOf(rollout),
    timeoutMs: rollout.bootTimeoutMs,
    signal: over.signal,
    checkSignal: AbortSignal.any([over.signal, checking.signal]),
  };
  const exited = process.exitCode.then(() => "exited" as const);
  try {
    const outcome = await untilAborted(
      Promise.race([
        exited,
        untilUp(docker, id, rollout, options, findings),
        elapsed(rollout.bootTimeoutMs, over.signal).then(() => "late" as const),
        rejectionOf(delivered),
      ]),
      signal,
    );
    if (outcome === "up") {
      const drained = output.drained(docker, over.signal).then(() => true);
      const exitedFirst = exited.then(() => false);
      if (await untilAborted(Promise.race([exitedFirst, drained, rejectionOf(delivered)]), signal)) {
        output.stop();
        process[Symbol.dispose]();
        return await untilAborted(delivered, signal);
      }
    }
    if (outcome === "late") {
      // The kill would end a running check with an exit code of its own.
      checking.abort();
      const explained = Promise.race([findings.looked.promise, exited]);
      await untilAborted(endsWithin(explained, explanationLimitMs), signal);
      await killContainer(docker, id);
    }
    await untilAborted(delivered, signal);
    if (outcome === "late") throw timedOut(rollout, findings);
    const exit = { exitCode: await process.exitCode, moment: momentOfExit(outcome, findings) };
    throw await untilAborted(crashed(docker, files, id, rollout, exit), signal);
  } finally {
    output.stop();
    over.abort();
  }
}

interface UpOptions extends ListeningOptions {
  /** Ends the HEALTHCHECK. */
  readonly checkSignal: AbortSignal;
}

/** Otherwise never resolves. @throws {SlipwayError} "engine-unavailable" */
async function untilUp(
  docker: Docker,
  id: string,
  rollout: RolloutSpec,
  options: UpOptions,
  findings: BootFindings,
): Promise<"up"> {
  const [healthcheck] = await Promise.all([
    imageHealthcheck(docker, rollout.image, options.signal),
    untilListening(docker, id, options, findings),
  ]);
  if (healthcheck === null) return "up";
  const onResult = (result: CheckResult): void => void (findings.check = result);
  if (await untilHealthy(docker, id, healthcheck, options.checkSignal, onResult)) return "up";
  // The time is over, or the container has ended, which its exit explains.
  return await new Promise(() => undefined);
}

function momentOfExit(outcome: "exited" | "up", { check }: BootFindings): ExitMoment {
  const step = check === null ? "it listened on PORT" : "the HEALTHCHECK of its image succeeded";
  return outcome === "up" ? `right after ${step}` : `before ${step}`;
}

function timedOut(rollout: RolloutSpec, { listening, failure, check }: BootFindings): SlipwayError {
  const { processType, bootTimeoutMs } = rollout;
  const port = portOf(rollout);
  if (check !== null) return unhealthy({ processType, bootTimeoutMs, port, check });
  return bootTimedOut({ processType, bootTimeoutMs, port, listening, probeFailure: failure });
}

async function crashed(
  docker: Docker,
  files: FileCounter,
  id: string,
  rollout: RolloutSpec,
  exit: { readonly exitCode: number; readonly moment: ExitMoment },
): Promise<SlipwayError> {
  const { processType, limits } = rollout;
  const ended = { id, exitCode: exit.exitCode, diskBytes: limits.diskBytes };
  return appCrashed({ processType, ...exit, ...(await causeOfExit({ docker, files }, ended)), limits });
}
