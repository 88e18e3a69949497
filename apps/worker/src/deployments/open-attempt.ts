// Opens an attempt: the log, which fences off older attempts, and the lease on the deployment.

import { imageRegistryAuth, isFinal, SlipwayError, variablesFor } from "@slipway/core";
import type { App, Deployment, Store } from "@slipway/core";
import { abandonDeployment, leaseDeployment, sealAbandoned } from "@slipway/deployments";
import { openLogWriter, secretsOf } from "@slipway/logs";
import type { LaneTask } from "@slipway/queue";
import type { Logger } from "@slipway/service";
import { defaultDockerHost } from "../config/engines.ts";
import type { WorkerConfig } from "../config.ts";
import type { Attempt } from "./attempt.ts";
import { deploymentPorts } from "./deployment-ports.ts";
import type { DeploymentPortsContext } from "./deployment-ports.ts";
import { watchLease } from "./watch-lease.ts";

export type OpenAttemptContext = DeploymentPortsContext & {
  readonly store: Pick<Store, "variables">;
  readonly logger: Logger;
  readonly config: Pick<WorkerConfig, "engine" | "log"> & {
    readonly limits: Pick<WorkerConfig["limits"], "logBytes">;
  };
};

/**
 * Claims the deployment. Dispose the attempt when it has ended.
 * @returns null when nothing is left to attempt: the deployment is deleted or final, or its app was deleted, which ends the deployment
 * here.
 * @throws {SlipwayError} "lease-lost" when a newer attempt holds the deployment or its log.
 */
export async function openAttempt(
  context: OpenAttemptContext,
  task: LaneTask,
  signal: AbortSignal,
): Promise<(Attempt & AsyncDisposable) | null> {
  const app = await appToDeploy(context, task);
  if (app === null) return null;
  const { store, config, now } = context;
  const variables = await store.variables.list(app.id);
  await using opened = new AsyncDisposableStack();
  const subject = { appId: app.id, deploymentId: task.id, attempt: task.attempt };
  const limits = { outputBytes: config.limits.logBytes };
  const log = opened.use(
    await openLogWriter({ ...subject, bus: context, store, secrets: secretsOf(variables), now, limits }),
  );
  const lease = await leaseDeployment(deploymentPorts(context), {
    deploymentId: task.id,
    attempt: task.attempt,
    lineCount: log.lastSeq,
    previousGitRef: await currentGitRef(context, app),
    origin: {
      worker: config.log.name,
      engine: config.engine.dockerHost ?? defaultDockerHost,
      jobAddedAt: task.jobAddedAt ?? null,
    },
  });
  if (lease === null) {
    // The deployment was aborted after it was read.
    await opened.disposeAsync();
    await sealIfFinal(context, await store.deployments.get(task.id));
    return null;
  }
  opened.use(lease);
  const watch = opened.use(watchLease(context, lease));
  const owned = opened.move();
  return {
    lease,
    app,
    variables: variablesFor("build", variables),
    runVariables: variablesFor("run", variables),
    registryAuth: variables.find(({ name }) => name === imageRegistryAuth)?.value ?? "",
    log,
    signal: AbortSignal.any([signal, watch.signal]),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** @returns null when the deployment needs no attempt. Ends a deployment whose log is still open, or whose app is deleted. */
async function appToDeploy(context: OpenAttemptContext, task: LaneTask): Promise<App | null> {
  const { store } = context;
  const found = await store.deployments.get(task.id);
  const app = await store.apps.get(task.appId);
  if (found === null) return null;
  if (await sealIfFinal(context, found)) return null;
  if (app !== null && app.deletedAt === null) return app;
  const error = new SlipwayError("aborted", "the app was deleted");
  await abandonDeployment(deploymentPorts(context), found.id, error);
  return null;
}

/** @returns whether the deployment is final. In this case its log is now closed. */
async function sealIfFinal(context: OpenAttemptContext, found: Deployment | null): Promise<boolean> {
  if (found === null || !isFinal(found.status)) return false;
  await sealAbandoned(deploymentPorts(context), found);
  return true;
}

async function currentGitRef({ store }: OpenAttemptContext, app: App): Promise<string | null> {
  if (app.currentReleaseId === null) return null;
  return (await store.releases.get(app.currentReleaseId))?.gitRef ?? null;
}
