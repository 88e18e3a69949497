// Follows a deployment in the terminal: prints its log and the time of each phase, and returns its outcome as the exit code.

import colors from "picocolors";
import { retry } from "@slipway/async";
import { isFinal } from "@slipway/core";
import type { DeploymentStatus } from "@slipway/core";
import { appAnswer, deploymentAnswer } from "@slipway/protocol";
import type { AppBody, DeploymentBody } from "@slipway/protocol";
import type { ApiClient } from "../client/api-client.ts";
import { exitCodes, isPassing } from "../client/command-error.ts";
import { followDeployment } from "../client/follow.ts";
import { paintLine } from "../client/paint.ts";
import { failureLines, phaseLines, readTimeline } from "./report.ts";
import type { Timeline } from "./report.ts";
import type { Session } from "./session.ts";

export interface Followed {
  readonly app: AppBody;
  readonly deployment: DeploymentBody;
  readonly abortOnInterrupt: boolean;
}

/** How long the request for the outcome is repeated while the API does not answer. */
const outcomeMs = 60_000;

/** The user pressed Ctrl-C. */
class Interrupted extends Error {
  override name = "Interrupted";
}

/** With --json, standard output contains one JSON document at the end, and the log goes to standard error. */
export async function followToExitCode(session: Session, followed: Followed): Promise<number> {
  const { app, deployment } = followed;
  const api = await session.api();
  const stop = new AbortController();
  const interrupt = () => stop.abort(new Interrupted());
  const write = (line: string) =>
    void (session.output.json ? process.stderr : process.stdout).write(`${paintLine(line)}\n`);
  process.once("SIGINT", interrupt);
  try {
    await followDeployment(
      { api, app, deploymentId: deployment.id, signal: stop.signal },
      {
        onLine: write,
        onStatus: statusReporter(session, isFinal(deployment.status)),
        onProblem: (text) => session.output.message("warning", text),
      },
    );
  } catch (error) {
    if (error instanceof Interrupted) return await interrupted(session, followed);
    throw error;
  } finally {
    process.off("SIGINT", interrupt);
  }
  const read = () => readOutcome(api, app, deployment.id);
  return report(session, await retry(read, { limitMs: outcomeMs, isRetryable: isPassing }));
}

/** Prints each status with the time that the former one took. Omits the time when the deployment had already ended. */
function statusReporter(session: Session, hadEnded: boolean): (status: DeploymentStatus) => void {
  let former: { readonly status: DeploymentStatus; readonly since: number } | undefined;
  return (status) => {
    const now = performance.now();
    const took =
      former && !hadEnded && `  (${former.status} took ${((now - former.since) / 1000).toFixed(1)} s)`;
    const name = isFinal(status) && status !== "success" ? colors.red(status) : status;
    session.output.message("status", `${name}${took || ""}`);
    former = { status, since: now };
  };
}

async function interrupted(
  session: Session,
  { app, deployment, abortOnInterrupt }: Followed,
): Promise<number> {
  if (!abortOnInterrupt) {
    session.output.message(
      "stopped",
      `following; the deployment continues. Abort it with "slipway abort ${deployment.id} --app ${app.name}".`,
    );
    return exitCodes.interrupted;
  }
  const api = await session.api();
  const path = `/apps/${app.id}/deployments/${deployment.id}/abort`;
  await api.send("POST", path, {}, deploymentAnswer);
  session.output.message("aborted", `deployment ${deployment.id}`);
  return exitCodes.interrupted;
}

interface Outcome {
  readonly deployment: DeploymentBody;
  readonly timeline: Timeline | undefined;
  readonly url: string;
}

async function readOutcome(api: ApiClient, app: AppBody, id: string): Promise<Outcome> {
  const deployment = await api.deployment(app.id, id);
  const timeline = await readTimeline(api, app.id, id);
  const { url } = (await api.find(`/apps/${app.id}`, appAnswer))?.app ?? app;
  return { deployment, timeline, url };
}

function report(session: Session, { deployment, timeline, url }: Outcome): number {
  for (const line of phaseLines(timeline)) session.output.message("phase", line);
  const succeeded = deployment.status === "success";
  if (!succeeded) for (const line of failureLines(deployment)) session.output.message("failure", line);
  session.output.result({ deployment, url }, succeeded ? url : []);
  return succeeded ? exitCodes.success : exitCodes.failure;
}
