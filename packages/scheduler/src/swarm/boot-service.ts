// Watches a service's instances from their creation until all of them listen, or explains why they do not. The caller
// removes the service.

import { pause, untilAborted } from "@slipway/async";
import type { RolloutSpec, SlipwayError, StartOptions } from "@slipway/core";
import type { NodeEngines } from "./nodes.ts";
import { findTasksOfExisting, isUp, type Task } from "./swarm-api.ts";
import { bootFailure, lateFailure, missingFailure, removedFailure, stuckFailure } from "./task-failures.ts";
import { TaskOutput } from "./task-output.ts";

const pollMs = 200;
/** Time limit until all tasks exist and their containers have started, including the pull of the image. */
const preparationLimitMs = 600_000;
const ended = new Set(["complete", "failed", "rejected", "shutdown", "orphaned", "remove"]);

/** @returns the running tasks, ordered by instance. @see Scheduler.start */
export async function bootService(
  engines: NodeEngines,
  serviceId: string,
  rollout: RolloutSpec,
  { onOutput, signal }: StartOptions,
): Promise<Task[]> {
  using opened = new DisposableStack();
  const [{ docker }] = engines;
  const outputs = new Map<string, TaskOutput>();
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => undefined); // Raced below; a later rejection must not be unhandled.
  const follow = (id: string): void => {
    const output = opened.use(new TaskOutput(docker, id, onOutput));
    outputs.set(id, output);
    output.failure.catch(broken.reject);
  };
  const clock = bootClock(rollout.bootTimeoutMs);
  for (;;) {
    const tasks = await untilAborted(findTasksOfExisting(docker, serviceId), signal);
    if (tasks === null) throw removedFailure();
    for (const { ID, Status } of tasks) {
      const begun = Status.ContainerStatus?.ContainerID !== undefined;
      if (begun && !outputs.has(ID)) follow(ID);
    }
    const outcome = judge(tasks, rollout.count, clock);
    if (outcome !== null) {
      const endings = Promise.all(Array.from(outputs.values(), (output) => output.end()));
      await untilAborted(endings, signal);
      if (outcome.kind === "up") return outcome.tasks;
      throw await failureOf(engines, rollout, outcome);
    }
    await Promise.race([pause(pollMs, signal), broken.promise]);
  }
}

type Outcome =
  | { readonly kind: "up"; readonly tasks: Task[] }
  | { readonly kind: "ended" | "late" | "stuck"; readonly task: Task }
  | { readonly kind: "missing" };

/** Null while the outcome is undecided. An instance's exit is final, although Swarm would restart it. */
function judge(tasks: readonly Task[], count: number, clock: BootClock): Outcome | null {
  const first = tasks.toReversed();
  const over = first.find(({ Status }) => ended.has(Status.State));
  if (over !== undefined) return { kind: "ended", task: over };
  const up = tasks.filter(isUp).toSorted((a, b) => a.Slot - b.Slot);
  if (up.length === count) return { kind: "up", tasks: up };
  for (const task of first) {
    const state = clock.of(task);
    if (state !== "in time") return { kind: state, task };
  }
  return tasks.length < count && clock.isPreparationOver() ? { kind: "missing" } : null;
}

interface BootClock {
  of(task: Task): "in time" | "late" | "stuck";
  isPreparationOver(): boolean;
}

/** Measures from the first time that a state is seen, because the clocks of nodes differ. */
function bootClock(bootTimeoutMs: number): BootClock {
  const begun = performance.now();
  const bootSince = new Map<string, number>();
  const isPreparationOver = () => performance.now() - begun >= preparationLimitMs;
  return {
    isPreparationOver,
    of(task) {
      if (isUp(task)) return "in time";
      if (task.Status.State !== "starting") return isPreparationOver() ? "stuck" : "in time";
      const now = performance.now();
      const since = bootSince.get(task.ID) ?? now;
      bootSince.set(task.ID, since);
      return now - since < bootTimeoutMs ? "in time" : "late";
    },
  };
}

async function failureOf(
  engines: NodeEngines,
  rollout: RolloutSpec,
  outcome: Exclude<Outcome, { kind: "up" }>,
): Promise<SlipwayError> {
  if (outcome.kind === "missing") return missingFailure(rollout.count);
  if (outcome.kind === "stuck") return stuckFailure(outcome.task);
  if (outcome.kind === "late") return await lateFailure(engines, rollout, outcome.task);
  return await bootFailure(engines, rollout, outcome.task);
}
