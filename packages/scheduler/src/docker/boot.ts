// Starts one container and waits until it listens, or explains why it does not. The caller removes it.

import { elapsed, endsWithin, failureOf, untilAborted } from "@slipway/async";
import { type RolloutSpec, SlipwayError, type StartOptions } from "@slipway/core";
import type Docker from "dockerode";
import { killContainer, ranOutOfMemory, startProcess } from "@slipway/docker";
import { appPort } from "../instance-config.ts";
import { wholeLines } from "../line-cutter.ts";
import { appCrashed, bootTimedOut } from "../boot-failures.ts";
import { type Listening, notListening, watchListening } from "../listening.ts";

/** How long to wait for output of just before the app listened: it arrives on another connection than the probe's result. */
const outputDelayMs = 150;
const probeRetryMs = 250;

/** Resolves once the instance listens; its process continues to run. @see Scheduler.start */
export async function bootContainer(
  docker: Docker,
  id: string,
  rollout: RolloutSpec,
  { onOutput, signal }: StartOptions,
): Promise<void> {
  using process = await startProcess(docker, id, signal);
  const over = new AbortController();
  const probe: Probe = { listening: notListening, failure: "" };
  const delivered = deliver(
    rollout.count > 1 ? wholeLines(process.output) : process.output,
    onOutput,
    over.signal,
  );
  try {
    const outcome = await untilAborted(
      Promise.race([
        process.exitCode.then(() => "exited" as const),
        untilListening(docker, id, rollout.bootTimeoutMs, probe, over.signal),
        elapsed(rollout.bootTimeoutMs, over.signal).then(() => "late" as const),
        failureOf(delivered),
      ]),
      signal,
    );
    if (outcome === "listening" && !(await endsWithin(process.exitCode, outputDelayMs))) {
      over.abort();
      process[Symbol.dispose]();
      return await untilAborted(delivered, signal);
    }
    if (outcome === "late") await killContainer(docker, id);
    await untilAborted(delivered, signal);
    throw outcome === "late"
      ? timedOut(rollout, probe)
      : await crashed(docker, id, rollout, await process.exitCode);
  } finally {
    over.abort();
  }
}

interface Probe {
  listening: Listening;
  failure: string;
}

/** Resolves when the app is reachable, otherwise never. The call that waits for the exit reports a failure of the engine. */
async function untilListening(
  docker: Docker,
  id: string,
  timeoutMs: number,
  probe: Probe,
  signal: AbortSignal,
): Promise<"listening"> {
  const reached = Promise.withResolvers<"listening">();
  const onState = (state: Listening): void => {
    probe.listening = state;
    if (state.reach === "reachable") reached.resolve("listening");
  };
  const look = async (): Promise<void> => {
    while (!signal.aborted && probe.listening.reach !== "reachable") {
      try {
        probe.failure = await watchListening(docker, id, appPort, timeoutMs, onState, signal);
      } catch (error) {
        probe.failure = error instanceof Error ? error.message : String(error);
      }
      await elapsed(probeRetryMs, signal);
    }
  };
  return await Promise.race([reached.promise, look().then(() => reached.promise)]);
}

/** Forwards the app's output until its end or until the signal is aborted. */
async function deliver(
  output: AsyncIterable<Uint8Array>,
  onOutput: StartOptions["onOutput"],
  over: AbortSignal,
): Promise<void> {
  try {
    for await (const bytes of output) {
      await onOutput(bytes);
      if (over.aborted) return;
    }
  } catch (error) {
    const detached = over.aborted && error instanceof SlipwayError && error.code === "engine-unavailable";
    if (!detached) throw error;
  }
}

function timedOut(rollout: RolloutSpec, probe: Probe): SlipwayError {
  const { processType, bootTimeoutMs } = rollout;
  return bootTimedOut({
    processType,
    bootTimeoutMs,
    port: appPort,
    listening: probe.listening,
    probeFailure: probe.failure,
  });
}

async function crashed(
  docker: Docker,
  id: string,
  rollout: RolloutSpec,
  exitCode: number,
): Promise<SlipwayError> {
  const { processType, limits } = rollout;
  const outOfMemory = await ranOutOfMemory(docker, id, exitCode);
  return appCrashed({ processType, exitCode, outOfMemory, memoryBytes: limits.memoryBytes });
}
