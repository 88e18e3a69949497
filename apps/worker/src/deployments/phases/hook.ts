// Hook: runs a command of the app once with the new release, before the release gets traffic. Input: the release.

import { excessText, SlipwayError } from "@slipway/core";
import type { Release, Scheduler } from "@slipway/core";
import type { WorkerConfig } from "../../config.ts";
import type { Attempt } from "../attempt.ts";
import { LimitHints } from "../limit-hints.ts";
import { environmentOf, shellCommandOf } from "../rollout.ts";
import type { EnvironmentContext } from "../rollout.ts";

const processType = "postdeploy";

export type HookContext = EnvironmentContext & {
  readonly scheduler: Pick<Scheduler, "run">;
  readonly config: Pick<WorkerConfig, "instance"> & {
    readonly timing: Pick<WorkerConfig["timing"], "hookTimeoutMs">;
  };
};

/**
 * The command in the request takes precedence over the command in the Procfile. If an attempt dies, the next one may run the command again.
 * @throws {SlipwayError} "hook-failed" when the command fails or takes too long: the former release keeps serving.
 */
export async function runHook(context: HookContext, attempt: Attempt, release: Release): Promise<void> {
  const { lease, log } = attempt;
  const command = lease.deployment.postdeployHook ?? release.processTypes[processType];
  if (command === undefined) return;
  await lease.phase("hook", log, () => runCommand(context, attempt, release, command));
}

async function runCommand(
  context: HookContext,
  attempt: Attempt,
  release: Release,
  command: string,
): Promise<void> {
  const { lease, app, log } = attempt;
  const { config, scheduler } = context;
  const { id: deploymentId, attempt: number } = lease.deployment;
  log.line("-----> Running the postdeploy hook");
  const { diskBytes, memoryBytes } = config.instance;
  const hints = new LimitHints({
    diskBytes,
    diskSetting: "APP_DISK_MB",
    tmpfsBytes: memoryBytes,
    tmpfsSetting: "APP_MEMORY_MB",
  });
  const { hookTimeoutMs: timeoutMs } = config.timing;
  const { exitCode, timedOut, outOfMemory, diskFull } = await scheduler.run(
    {
      appId: app.id,
      appName: app.name,
      releaseId: release.id,
      releaseNumber: release.number,
      rolloutId: release.id,
      deploymentId,
      attempt: number,
      image: release.image,
      command: shellCommandOf(release, command),
      processType,
      port: release.imageStart?.port ?? null,
      environment: environmentOf(context, app, release),
      limits: config.instance,
    },
    {
      onOutput: (bytes) => {
        hints.read(bytes);
        return log.write(bytes);
      },
      signal: attempt.signal,
      timeoutMs,
    },
  );
  if (timedOut) throw failed(`did not end within ${timeoutMs / 1000} s`);
  if (diskFull !== null) throw failed(excessText(diskFull, diskBytes));
  if (exitCode === 0) {
    if (outOfMemory) log.line(" !     A process of the postdeploy hook ran out of memory");
    return;
  }
  if (outOfMemory) throw failed("ran out of memory");
  for (const hint of hints.after(exitCode)) log.line(` !     ${hint}`);
  throw failed(`exited with code ${exitCode}`, { exitCode });
}

function failed(how: string, details: { readonly exitCode?: number } = {}): SlipwayError {
  return new SlipwayError("hook-failed", `the postdeploy hook ${how}`, details);
}
