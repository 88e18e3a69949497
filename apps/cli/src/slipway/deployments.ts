// slipway status, deployments, logs, open, abort and rollback.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import { isFinal } from "@slipway/core";
import { deploymentAnswer, deploymentsAnswer } from "@slipway/protocol";
import type { DeploymentBody } from "@slipway/protocol";
import { durationText } from "@slipway/protocol/presentation";
import { reasonOf } from "@slipway/setup";
import { CommandError, exitCodes } from "../client/command-error.ts";
import { problemText } from "../client/responses.ts";
import { followToExitCode } from "./follow-deployment.ts";
import { formerRelease } from "./former-release.ts";
import { table } from "./output.ts";
import type { AddCommand } from "./command.ts";
import { pageNote, pageOptions, pageQuery } from "./pages.ts";
import type { PageFlags } from "./pages.ts";
import { progressLines, readTimeline } from "./report.ts";
import type { Session } from "./session.ts";

type Args = readonly (string | undefined)[];

export function addDeploymentCommands(add: AddCommand): void {
  add("status", "show the app and its last deployment", { examples: ["slipway status"], run: status });
  add("deployments", "list the app's deployments, newest first", {
    examples: ["slipway deployments --page 2", "slipway deployments --json"],
    options: pageOptions,
    run: list,
  });
  add("logs [DEPLOYMENT]", "print the log of a deployment, the last one by default", {
    examples: ["slipway logs", "slipway logs --follow", "slipway logs --timestamps"],
    options: [
      ["-f, --follow", "follow the log to the deployment's end; the exit code is its outcome"],
      ["-t, --timestamps", "print each line's time before it"],
    ],
    run: logs,
  });
  add("open", "open the app in the browser, and print its address", {
    examples: ["slipway open"],
    run: openApp,
  });
  add("abort [DEPLOYMENT]", "abort a deployment, the last one by default", {
    examples: ["slipway abort"],
    run: abort,
  });
  add("rollback [RELEASE]", "deploy an earlier release again, the one before the current by default", {
    examples: ["slipway rollback", "slipway rollback 12 --detach"],
    options: [
      ["--detach", "do not follow the deployment"],
      ["--abort-on-interrupt", "abort the deployment at Ctrl-C"],
    ],
    run: rollback,
  });
}

async function status(session: Session): Promise<number> {
  const app = await session.app();
  const api = await session.api();
  const { deployments } = await api.get(`/apps/${app.id}/deployments?per_page=1`, deploymentsAnswer);
  const last = deployments[0] && (await api.deployment(app.id, deployments[0].id));
  const timeline = last && !isFinal(last.status) ? await readTimeline(api, app.id, last.id) : undefined;
  const image = app.builder_image === null ? "" : ` (${app.builder_image})`;
  const [head, ...details] = last ? progressLines(last, timeline, Date.now()) : ["no deployment yet"];
  session.output.result({ app, deployment: last ?? null }, [
    `${app.name} is ${app.status === "new" ? "new, without a release" : `${app.status} at ${app.url}`}`,
    `builder ${app.builder}${image}, stack ${app.stack_id}`,
    `last ${head}`,
    ...details.map((line) => `  ${line}`),
  ]);
  return exitCodes.success;
}

async function list(session: Session, _args: Args, command: Command): Promise<number> {
  const app = await session.app();
  const path = `/apps/${app.id}/deployments${pageQuery({ perPage: "20", ...command.opts<PageFlags>() })}`;
  const found = await (await session.api()).get(path, deploymentsAnswer);
  const rows = found.deployments.map((one) => [
    one.id,
    one.status,
    one.git_ref ?? "-",
    one.pusher.username,
    one.created_at,
    isFinal(one.status)
      ? `${one.duration} s`
      : `${durationText(Date.now() - Date.parse(one.created_at))} so far`,
  ]);
  session.output.result(found, table(["ID", "STATUS", "REF", "BY", "CREATED", "TOOK"], rows));
  session.output.note(pageNote(found.meta.pagination, "deployments", "see others with --page"));
  return exitCodes.success;
}

async function logs(session: Session, [id]: Args, command: Command): Promise<number> {
  const { follow, timestamps } = command.opts<{ follow?: boolean; timestamps?: boolean }>();
  const app = await session.app();
  const deployment = await session.deployment(app, id);
  if (follow === true && timestamps === true) {
    throw new CommandError(
      "--timestamps and --follow exclude each other: leave one of them out.",
      exitCodes.usage,
    );
  }
  if (follow === true) return followToExitCode(session, { app, deployment, abortOnInterrupt: false });
  const response = await requestLog(session, deployment, timestamps ?? false);
  if (session.output.json) {
    session.output.result({ deployment_id: deployment.id, lines: linesOf(await response.text()) }, []);
  } else if (response.body !== null) {
    await pipeline(response.body, process.stdout, { end: false });
  }
  return exitCodes.success;
}

/** A Slipway version without timestamps rejects the parameter. The log is then printed without them, after a message. */
async function requestLog(
  session: Session,
  deployment: DeploymentBody,
  timestamps: boolean,
): Promise<Response> {
  const api = await session.api();
  const path = `/apps/${deployment.app_id}/deployments/${deployment.id}/output`;
  const response = await api.request("GET", timestamps ? `${path}?timestamps=1` : path);
  if (response.ok) return response;
  if (timestamps && response.status === 422) {
    session.output.message(
      "warning",
      "This Slipway has no times of log lines: update it. The log follows without them.",
    );
    return requestLog(session, deployment, false);
  }
  throw new CommandError(`The API refused the log: ${problemText(response.status, await response.text())}`);
}

function linesOf(text: string): string[] {
  const lines = text.split("\n");
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

async function openApp(session: Session): Promise<number> {
  const { url } = await session.app();
  session.output.result({ url }, url);
  if (!process.stdout.isTTY || session.output.json) return exitCodes.success;
  const opener = process.platform === "darwin" ? "open" : "xdg-open";
  const child = spawn(opener, [url], { stdio: "ignore", detached: true });
  try {
    await once(child, "spawn");
    child.unref();
  } catch (error) {
    session.output.message(
      "browser",
      `${opener} does not start (${reasonOf(error)}): open the address yourself.`,
    );
  }
  return exitCodes.success;
}

async function abort(session: Session, [id]: Args): Promise<number> {
  const app = await session.app();
  const { id: found } = await session.deployment(app, id);
  const path = `/apps/${app.id}/deployments/${found}/abort`;
  const { deployment } = await (await session.api()).send("POST", path, {}, deploymentAnswer);
  session.output.result({ deployment }, `Deployment ${found} is aborted.`);
  return exitCodes.success;
}

async function rollback(session: Session, [given]: Args, command: Command): Promise<number> {
  const { detach, abortOnInterrupt = false } = command.opts<{
    detach?: boolean;
    abortOnInterrupt?: boolean;
  }>();
  const app = await session.app();
  const api = await session.api();
  const release = given === undefined ? await formerRelease(api, app.id) : Number(given);
  if (!Number.isInteger(release) || release < 1) {
    throw new CommandError(
      `"${given}" is not the number of a release: give a whole number.`,
      exitCodes.usage,
    );
  }
  const deployment = await api.deploy(app.id, { release });
  session.output.message("rollback", `release ${release} as deployment ${deployment.id}`);
  if (detach !== true) return followToExitCode(session, { app, deployment, abortOnInterrupt });
  session.output.result({ deployment }, deployment.id);
  return exitCodes.success;
}
