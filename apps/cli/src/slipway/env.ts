// slipway env list, get, set, unset and import.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { variableScopes } from "@slipway/core";
import { variablesAnswer } from "@slipway/protocol";
import type { VariableBody } from "@slipway/protocol";
import { reasonOf } from "@slipway/setup";
import { CommandError, exitCodes } from "../client/command-error.ts";
import { problemText } from "../client/responses.ts";
import { parseAssignment, parseDotenv } from "./dotenv.ts";
import type { NewVariable } from "./dotenv.ts";
import type { AddCommand } from "./command.ts";
import type { Session } from "./session.ts";

const scopeOption = [
  "--scope <scope>",
  "where they are set: build, run or both; by default an existing variable keeps its scope",
] as const;

export function addEnvCommands(add: AddCommand): void {
  add("list", "list the variables with their values", {
    examples: ["slipway env list", "slipway env list --json"],
    async run(session) {
      const variables = await listVariables(session);
      session.output.result(
        { variables },
        variables.map(({ name, value, scope }) =>
          scope === "both" ? `${name}=${value}` : `${name}=${value} # ${scope} only`,
        ),
      );
      return exitCodes.success;
    },
  });
  add("get <NAME>", "print the value of one variable", {
    examples: ["slipway env get DATABASE_URL"],
    async run(session, [name = ""]) {
      const variable = (await listVariables(session)).find((one) => one.name === name);
      if (variable === undefined) throw missing([name]);
      session.output.result({ variable }, variable.value);
      return exitCodes.success;
    },
  });
  add("set <NAME=VALUE...>", "set variables; the next deployment or restart uses them", {
    examples: [
      'slipway env set GREETING="good morning" LEVEL=2',
      "slipway env set --scope build NPM_TOKEN=…",
    ],
    options: [scopeOption],
    run: (session, args, command) => setVariables(session, args.map(parseAssignment), command),
  });
  add("unset <NAME...>", "delete variables", { examples: ["slipway env unset GREETING"], run: unset });
  add("import [FILE]", "set the variables of a .env file", {
    examples: ["slipway env import", "slipway env import production.env"],
    options: [scopeOption],
    run: importFile,
  });
}

async function listVariables(session: Session): Promise<VariableBody[]> {
  const app = await session.app();
  return (await (await session.api()).get(`/apps/${app.id}/variables`, variablesAnswer)).variables;
}

async function setVariables(
  session: Session,
  given: readonly NewVariable[],
  command: Command,
): Promise<number> {
  const { scope } = command.opts<{ scope?: string }>();
  if (scope !== undefined && !variableScopes.some((one) => one === scope)) {
    throw new CommandError(
      `"${scope}" is not a scope: use one of ${variableScopes.join(", ")}.`,
      exitCodes.usage,
    );
  }
  const app = await session.app();
  const variables = given.map((one) => ({ ...one, scope }));
  await (await session.api()).send("PUT", `/apps/${app.id}/variables`, { variables }, variablesAnswer);
  const names = variables.map(({ name }) => name);
  session.output.result({ set: names }, `Set ${names.join(", ")}. The next deployment or restart uses them.`);
  return exitCodes.success;
}

async function unset(session: Session, names: readonly string[]): Promise<number> {
  const app = await session.app();
  const variables = await listVariables(session);
  const found = variables.filter(({ name }) => names.includes(name));
  const absent = names.filter((name) => !found.some((one) => one.name === name));
  if (absent.length > 0) throw missing(absent);
  const body = { variable_ids: found.map(({ id }) => id) };
  const response = await (await session.api()).request("DELETE", `/apps/${app.id}/variables`, body);
  const text = await response.text();
  if (!response.ok)
    throw new CommandError(`The API refused to delete: ${problemText(response.status, text)}`);
  session.output.result({ unset: names }, `Deleted ${names.join(", ")}.`);
  return exitCodes.success;
}

async function importFile(
  session: Session,
  [given = ".env"]: readonly (string | undefined)[],
  command: Command,
): Promise<number> {
  const path = resolve(session.config.folder, given);
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new CommandError(`${path} cannot be read: ${reasonOf(error)}.`, exitCodes.usage);
  });
  const variables = parseDotenv(text);
  if (variables.length === 0)
    throw new CommandError(`${path} has no line NAME=VALUE: add one.`, exitCodes.usage);
  return setVariables(session, variables, command);
}

function missing(names: readonly string[]): CommandError {
  return new CommandError(
    `The app has no variable ${names.join(", ")}: "slipway env list" shows those it has.`,
  );
}
