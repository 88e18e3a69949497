// slipway apps list, create, set and delete.

import { createInterface } from "node:readline/promises";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import { appAnswer, appsAnswer } from "@slipway/protocol";
import { reasonOf } from "@slipway/setup";
import { CommandError, exitCodes } from "../client/command-error.ts";
import { problemText, refusalOf } from "../client/responses.ts";
import { table } from "./output.ts";
import type { AddCommand } from "./command.ts";
import { pageNote, pageOptions, pageQuery } from "./pages.ts";
import type { PageFlags } from "./pages.ts";
import { rememberApp } from "./session.ts";
import type { Session } from "./session.ts";

export function addAppCommands(add: AddCommand): void {
  add("list", "list the apps that you can access by name, 100 per page; with --json all of them", {
    examples: ["slipway apps list", "slipway apps list --name shop", "slipway apps list --json"],
    options: [["--name <part>", "only apps whose names contain this text"], ...pageOptions],
    run: list,
  });
  add("create [NAME]", "create an app, and remember it in this folder with --remember", {
    examples: ["slipway apps create my-app --remember"],
    options: [["--remember", "write the name to .slipway-app, which later commands in this folder read"]],
    run: create,
  });
  add("set <NAME>", "choose the builder and the stack of an app", {
    examples: [
      "slipway apps set my-app --builder cnb --builder-image heroku/builder:24",
      "slipway apps set my-app --stack heroku-24",
    ],
    options: [
      ["--builder <kind>", "auto, buildpacks, cnb or dockerfile"],
      ["--builder-image <image>", 'builder image of Cloud Native Buildpacks; "" removes it'],
      ["--stack <name>", "a stack of GET /v1/features/stacks"],
    ],
    run: change,
  });
  add("delete <NAME>", "delete an app with its releases, variables and logs", {
    examples: ["slipway apps delete my-app", "slipway apps delete my-app --confirm my-app"],
    options: [["--confirm <name>", "the app's name again, in place of the prompt"]],
    run: deleteApp,
  });
}

async function list(session: Session, _args: readonly string[], command: Command): Promise<number> {
  const { name, ...page } = command.opts<PageFlags & { name?: string }>();
  const api = await session.api();
  const isWhole = name === undefined && page.page === undefined && page.perPage === undefined;
  if (session.output.json && isWhole) {
    await printWhole(await api.request("GET", "/apps"), "/apps");
    return exitCodes.success;
  }
  const found = await api.get(`/apps${pageQuery(page, { name })}`, appsAnswer);
  const rows = found.apps.map((app) => [
    app.name,
    app.status,
    app.owner.username,
    app.last_deployment?.status ?? "-",
    app.url,
  ]);
  session.output.result(found, table(["NAME", "STATUS", "OWNER", "LAST DEPLOYMENT", "ADDRESS"], rows));
  session.output.note(
    found.meta &&
      pageNote(found.meta.pagination, "apps", "see others with --page or --name, all with --json"),
  );
  return exitCodes.success;
}

/** Prints a response while it arrives: the list of all apps may be large. */
async function printWhole(response: Response, what: string): Promise<void> {
  if (!response.ok) throw await refusalOf(response, what);
  if (response.body === null) return;
  try {
    await pipeline(response.body, process.stdout, { end: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EPIPE") return; // the reader needs no more
    throw new CommandError(
      `The response to ${what} ended before its end: ${reasonOf(error)}. What is printed is not the whole list.`,
      exitCodes.unreachable,
    );
  }
  process.stdout.write("\n");
}

async function create(
  session: Session,
  [given]: readonly (string | undefined)[],
  command: Command,
): Promise<number> {
  const name = given ?? (await session.appName());
  const app = await (await session.api()).createApp(name);
  if (command.opts<{ remember?: boolean }>().remember === true)
    await rememberApp(session.config.folder, name);
  session.output.result({ app }, `The app ${app.name} is created. It will answer at ${app.url}.`);
  return exitCodes.success;
}

async function change(
  session: Session,
  [name = ""]: readonly (string | undefined)[],
  command: Command,
): Promise<number> {
  const { builder, builderImage, stack } =
    command.opts<Partial<Record<"builder" | "builderImage" | "stack", string>>>();
  const body = {
    app: {
      ...(builder === undefined ? {} : { builder }),
      ...(builderImage === undefined ? {} : { builder_image: builderImage || null }),
      ...(stack === undefined ? {} : { stack_id: stack }),
    },
  };
  const api = await session.api();
  const { app } = await api.send("PATCH", `/apps/${encodeURIComponent(name)}`, body, appAnswer);
  session.output.result(
    { app },
    `The next deployment of ${name} has the builder ${app.builder} and the stack ${app.stack_id}.`,
  );
  return exitCodes.success;
}

async function deleteApp(
  session: Session,
  [name = ""]: readonly string[],
  command: Command,
): Promise<number> {
  const confirmed = command.opts<{ confirm?: string }>().confirm ?? (await typedName(name));
  if (confirmed !== name) {
    throw new CommandError(
      `The app ${name} is not deleted: repeat its name at the prompt or with --confirm ${name}.`,
      exitCodes.usage,
    );
  }
  const encoded = encodeURIComponent(name);
  const response = await (await session.api()).request("DELETE", `/apps/${encoded}?current_name=${encoded}`);
  const text = await response.text();
  if (!response.ok)
    throw new CommandError(`The API refused to delete ${name}: ${problemText(response.status, text)}`);
  session.output.result({ deleted: name }, `The app ${name} is deleted.`);
  return exitCodes.success;
}

/** Asks the user to type the app's name. Undefined without a terminal. */
async function typedName(name: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) return undefined;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(
      `This deletes ${name} with its releases, variables and logs. Type its name: `,
    );
  } finally {
    lines.close();
  }
}
