// Follows a deployment in the terminal: its log, the time of each phase, its outcome as exit code.

import colors from "picocolors";
import { isFinal } from "@slipway/core";
import type { DeploymentStatus } from "@slipway/core";
import { appAnswer, deploymentAnswer } from "@slipway/protocol";
import type { AppBody, DeploymentBody } from "@slipway/protocol";
import { reasonOf } from "@slipway/setup";
import { CommandError, exitCodes } from "../client/command-error.ts";
import { followDeployment } from "../client/follow.ts";
import { paintLine } from "../client/paint.ts";
import { failureLines, phaseLines, readTimeline } from "./report.ts";
import type { Session } from "./session.ts";

export interface Followed {
  readonly app: AppBody;
  readonly deployment: DeploymentBody;
  readonly abortOnInterrupt: boolean;
}

const pollMs = 5_000;

/** The user pressed Ctrl-C. */
class Interrupted extends Error {
  override name = "Interrupted";
}

/** With --json, standard output has one JSON document at the end, and the log is on standard error. */
export async function followToExitCode(session: Session, followed: Followed): Promise<number> {
  const { app, deployment } = followed;
  const api = await session.api();
  const stop = new AbortController();
  const interrupt = () => stop.abort(new Interrupted());
  const write = (line: string) =>
    void (session.output.json ? process.stderr : process.stdout).write(`${paintLine(line)}\n`);
  process.once("SIGINT", interrupt);
  const watch = setInterval(() => void stopWhenEnded(session, followed, stop), pollMs);
  try {
    await followDeployment(
      {
        streamUrl: app.links.deployments_stream,
        token: api.token,
        deploymentId: deployment.id,
        signal: stop.signal,
      },
      { onLine: write, onStatus: statusReporter(session) },
    );
  } catch (error) {
    if (error instanceof Interrupted) return await interrupted(session, followed);
    if (!(error instanceof EndedElsewhere)) throw error;
  } finally {
    clearInterval(watch);
    process.off("SIGINT", interrupt);
  }
  return report(session, app, await api.deployment(app.id, deployment.id));
}

/** The API says that the deployment ended, but the stream did not. */
class EndedElsewhere extends Error {
  override name = "EndedElsewhere";
}

/** Ends following a stream that is silent about the end. A failed request is repeated at the next interval. */
async function stopWhenEnded(session: Session, { app, deployment }: Followed, stop: AbortController) {
  try {
    const { status } = await (await session.api()).deployment(app.id, deployment.id);
    if (isFinal(status)) setTimeout(() => stop.abort(new EndedElsewhere()), pollMs).unref();
  } catch (error) {
    if (!(error instanceof CommandError)) return stop.abort(error);
    session.output.message("warning", `${reasonOf(error)} The next check is in ${pollMs / 1000} s.`);
  }
}

/** Prints each status, with the time that the former one took. */
function statusReporter(session: Session): (status: DeploymentStatus) => void {
  let former: { readonly status: DeploymentStatus; readonly since: number } | undefined;
  return (status) => {
    const now = performance.now();
    const took = former && `  (${former.status} took ${((now - former.since) / 1000).toFixed(1)} s)`;
    const name = isFinal(status) && status !== "success" ? colors.red(status) : status;
    session.output.message("status", `${name}${took ?? ""}`);
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
      `following; the deployment goes on. Abort it with "slipway abort ${deployment.id} --app ${app.name}".`,
    );
    return exitCodes.interrupted;
  }
  const api = await session.api();
  const path = `/apps/${app.id}/deployments/${deployment.id}/abort`;
  await api.send("POST", path, {}, deploymentAnswer);
  session.output.message("aborted", `deployment ${deployment.id}`);
  return exitCodes.interrupted;
}

async function report(session: Session, app: AppBody, deployment: DeploymentBody): Promise<number> {
  const api = await session.api();
  const timeline = await readTimeline(api, app.id, deployment.id);
  for (const line of phaseLines(timeline)) session.output.message("phase", line);
  const current = (await api.find(`/apps/${app.id}`, appAnswer))?.app ?? app;
  const succeeded = deployment.status === "success";
  if (!succeeded) for (const line of failureLines(deployment)) session.output.message("failure", line);
  session.output.result({ deployment, url: current.url }, succeeded ? current.url : []);
  return succeeded ? exitCodes.success : exitCodes.failure;
}
