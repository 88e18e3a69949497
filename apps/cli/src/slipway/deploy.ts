// slipway deploy: packs a folder and uploads it, or names an image; creates a deployment and follows it.

import { mebibytesText } from "@slipway/core";
import { resolve } from "node:path";
import type { Command } from "commander";
import type { AppBody } from "@slipway/protocol";
import type { ApiClient } from "../client/api-client.ts";
import { CommandError, exitCodes } from "../client/command-error.ts";
import { packSource } from "../client/pack.ts";
import { followToExitCode } from "./follow-deployment.ts";
import type { AddCommand } from "./command.ts";
import { rememberApp } from "./session.ts";
import type { Session } from "./session.ts";

interface DeployFlags {
  readonly create?: boolean;
  readonly image?: string;
  readonly ref?: string;
  readonly detach?: boolean;
  readonly abortOnInterrupt?: boolean;
  readonly slugignore?: boolean;
  readonly maxSize: string;
}

const mebibyte = 1024 * 1024;
const percent = 100;

export function addDeployCommand(add: AddCommand): void {
  add("deploy [DIR]", "deploy a folder or an image, and follow the deployment to its end", {
    examples: [
      "slipway deploy --create",
      "slipway deploy ./site --app site --ref v1.2.0",
      "slipway deploy --detach --json",
      "slipway deploy --app site --image registry.example.com/team/site@sha256:…",
    ],
    options: [
      ["--create", "create the app if it does not exist"],
      ["--image <name@digest>", "deploy this image instead of a folder, if the operator allows images"],
      ["--ref <text>", "what identifies the source: a commit or a version"],
      ["--detach", "do not follow the deployment"],
      ["--abort-on-interrupt", "abort the deployment at Ctrl-C; else Ctrl-C only stops following"],
      ["--slugignore", "leave out what .slugignore names, which the build must not need"],
      ["--max-size <MiB>", "refuse larger folders (default: 300, as SOURCE_MAX_MB of Slipway)"],
    ],
    run: deploy,
  });
}

async function deploy(
  session: Session,
  [given]: readonly (string | undefined)[],
  command: Command,
): Promise<number> {
  const flags = command.opts<DeployFlags>();
  const folder = resolve(session.config.folder, given ?? ".");
  const create = flags.create ?? false;
  if (flags.image !== undefined && given !== undefined)
    throw new CommandError(
      `--image deploys an image instead of the folder ${given}: leave out one of them.`,
      exitCodes.usage,
    );
  const open = flags.image === undefined ? await packed(session, folder, flags) : null;
  const api = await session.api();
  const app = await ensureApp(session, api, folder, create);
  const subject = open === null ? { image: flags.image ?? "" } : { sourceUrl: await open(api) };
  const options = flags.ref === undefined ? subject : { ...subject, gitRef: flags.ref };
  const deployment = await api.deploy(app.id, options);
  session.output.message("deploy", `deployment ${deployment.id} of ${app.name}`);
  if (flags.detach === true) {
    session.output.result({ deployment }, deployment.id);
    return exitCodes.success;
  }
  return followToExitCode(session, { app, deployment, abortOnInterrupt: flags.abortOnInterrupt ?? false });
}

/** Packs the folder. @returns a function that uploads the archive and returns its URL. */
async function packed(
  session: Session,
  folder: string,
  flags: DeployFlags,
): Promise<(api: ApiClient) => Promise<string>> {
  const source = await packSource(folder, {
    slugIgnore: flags.slugignore ?? false,
    maxSizeBytes: parseMebibytes(flags.maxSize) * mebibyte,
  });
  return async (api) => {
    const size = `${source.files} files, ${mebibytesText(source.sizeBytes, "tenths")}`;
    session.output.message("upload", size);
    let readBytes = 0;
    const archive = source.open((bytes) => {
      readBytes += bytes;
      const part = Math.floor((readBytes / Math.max(source.sizeBytes, 1)) * percent);
      session.output.progress(`upload    ${part} % of ${size}`);
    });
    return await api.upload(archive).finally(() => session.output.progressEnd());
  };
}

function parseMebibytes(text = "300"): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new CommandError(`--max-size ${text} is not a number of MiB above 0.`, exitCodes.usage);
}

async function ensureApp(
  session: Session,
  api: ApiClient,
  folder: string,
  create: boolean,
): Promise<AppBody> {
  const name = await session.appName(folder);
  const found = await api.findApp(name);
  if (found !== undefined) return found;
  if (!create) {
    throw new CommandError(
      `There is no app ${name}: add --create to create it, or name another one with --app.`,
    );
  }
  const app = await api.createApp(name);
  await rememberApp(folder, name);
  session.output.message("app", `${name} is created`);
  return app;
}
