// The context of a command: the API, the app and the output.

import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Command } from "commander";
import { appAnswer, deploymentAnswer, deploymentsAnswer } from "@slipway/protocol";
import type { AppBody, DeploymentBody } from "@slipway/protocol";
import { ApiClient } from "../client/api-client.ts";
import { CommandError, exitCodes } from "../client/command-error.ts";
import { appFileName } from "../client/source-files.ts";
import type { CliConfig } from "./config.ts";
import { findCredentials } from "./credentials.ts";
import { Output } from "./output.ts";

interface GlobalOptions {
  readonly app?: string;
  readonly json?: boolean;
}

/** One call of a command. */
export class Session {
  readonly config: CliConfig;
  readonly output: Output;
  readonly #app: string | undefined;
  #api: Promise<ApiClient> | undefined;

  constructor(config: CliConfig, command: Command) {
    const { app, json } = command.optsWithGlobals<GlobalOptions>();
    this.config = config;
    this.output = new Output(json ?? false);
    this.#app = app;
  }

  /** Connects at the first call. */
  api(): Promise<ApiClient> {
    this.#api ??= findCredentials(this.config).then(({ url, token }) => ApiClient.connect(url, token));
    return this.#api;
  }

  /** The app's name: from --app, SLIPWAY_APP, the folder's file, or the folder's own name. */
  async appName(folder = this.config.folder): Promise<string> {
    const remembered = this.#app ?? this.config.app ?? (await readAppFile(folder));
    return remembered ?? basename(folder).toLowerCase();
  }

  async app(folder = this.config.folder): Promise<AppBody> {
    const name = await this.appName(folder);
    const app = (await (await this.api()).find(`/apps/${encodeURIComponent(name)}`, appAnswer))?.app;
    if (app !== undefined) return app;
    throw new CommandError(
      `There is no app ${name}: name one with --app or SLIPWAY_APP, or create it with "slipway apps create ${name}".`,
    );
  }

  /** The deployment with this id; by default the app's last one. */
  async deployment({ id: appId, name }: Pick<AppBody, "id" | "name">, id?: string): Promise<DeploymentBody> {
    const api = await this.api();
    if (id !== undefined) {
      const found = await api.find(`/apps/${appId}/deployments/${encodeURIComponent(id)}`, deploymentAnswer);
      if (found !== undefined) return found.deployment;
      throw new CommandError(
        `The app ${name} has no deployment ${id}: list them with "slipway deployments --app ${name}".`,
      );
    }
    const { deployments } = await api.get(`/apps/${appId}/deployments?per_page=1`, deploymentsAnswer);
    if (deployments[0] !== undefined) return deployments[0];
    throw new CommandError(`The app ${name} has no deployment yet: deploy it with "slipway deploy".`);
  }
}

/** Stores the app of a folder for later commands in it. */
export async function rememberApp(folder: string, name: string): Promise<void> {
  await writeFile(join(folder, appFileName), `${name}\n`);
}

async function readAppFile(folder: string): Promise<string | undefined> {
  const path = join(folder, appFileName);
  try {
    const name = (await readFile(path, "utf8")).trim();
    if (/^[a-z0-9-]+$/.test(name)) return name;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  throw new CommandError(
    `${path} does not hold an app's name: write one into it, or delete it.`,
    exitCodes.usage,
  );
}
