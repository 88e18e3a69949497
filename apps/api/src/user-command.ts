// The operator's command for users, which works on the store and needs no running API: it makes the first ones, too.

import type { Readable } from "node:stream";
import { parseArgs } from "node:util";
import { changeAccount, createAccount, deleteAccount, issueToken } from "@slipway/auth";
import { SlipwayError, pageLimits } from "@slipway/core";
import type { Store, User } from "@slipway/core";
import { readPassword } from "./password-prompt.ts";

export interface UserCommandOptions {
  readonly store: Store;
  /** A terminal, or a line with the password. */
  readonly input: Readable & { readonly isTTY?: boolean };
  /** What was asked for, such as a token. */
  readonly print: (line: string) => void;
  /** Prompts and explanations. */
  readonly tell: (text: string) => void;
  readonly now: () => Date;
}

const help = `Usage: user create USERNAME --email EMAIL [--fullname NAME] [--operator] [--no-password]
       user change USERNAME [--email EMAIL] [--fullname NAME] [--operator | --no-operator]
       user password USERNAME
       user token USERNAME [--name NAME]
       user list
       user delete USERNAME

Passwords are asked for, or read from the first line of standard input; never from the command line, which others can
see. A user without one needs an API token, which "user token" makes and prints.`;

const options = {
  email: { type: "string" },
  fullname: { type: "string" },
  name: { type: "string", default: "made by an operator" },
  operator: { type: "boolean" },
  password: { type: "boolean", default: true },
} as const;

type Given = ReturnType<typeof parsed>["values"];
type Action = (given: Given, username: string, options: UserCommandOptions) => Promise<void>;

const actions: Readonly<Record<string, Action>> = { create, change, password, token, list, delete: remove };

/** @returns the exit code: 0, 1 for what was refused, 2 for a command that makes no sense. */
export async function runUserCommand(args: readonly string[], command: UserCommandOptions): Promise<number> {
  try {
    const { values, positionals } = parsed(args);
    const [name = "", username = "", ...more] = positionals;
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (action === undefined || more.length > 0 || (username === "") !== (name === "list")) {
      throw new UsageError("which of these?");
    }
    await action(values, username, command);
    return 0;
  } catch (error) {
    if (error instanceof SlipwayError) command.tell(`${error.message}\n`);
    else if (error instanceof UsageError) command.tell(`${error.message}\n\n${help}\n`);
    else throw error;
    return error instanceof SlipwayError ? 1 : 2;
  }
}

async function create(given: Given, username: string, { store, now, ...terminal }: UserCommandOptions) {
  const { email, fullname = "", operator = false } = given;
  if (email === undefined) throw new UsageError("--email is missing");
  const secret = given.password ? await readPassword(terminal) : null;
  const user = await createAccount(store, { username, email, fullname, operator, password: secret }, now());
  terminal.print(`created ${lineOf(user)}`);
}

async function change(given: Given, username: string, { store, print }: UserCommandOptions) {
  const { email, fullname, operator } = given;
  const { id } = await known(store, username);
  print(`changed ${lineOf(await changeAccount(store, id, { email, fullname, operator }))}`);
}

async function password(_given: Given, username: string, { store, ...terminal }: UserCommandOptions) {
  const { id } = await known(store, username);
  const user = await changeAccount(store, id, { password: await readPassword(terminal) });
  terminal.print(`changed the password of ${lineOf(user)}`);
}

async function token({ name }: Given, username: string, { store, print, now }: UserCommandOptions) {
  print((await issueToken(store, await known(store, username), name, now())).secret);
}

async function list(_given: Given, _username: string, { store, print }: UserCommandOptions) {
  for (let page = 1, listed = 0, total = 1; listed < total; page += 1) {
    const found = await store.users.list({ page, perPage: pageLimits.maxPerPage });
    for (const user of found.users) print(lineOf(user));
    listed = found.users.length === 0 ? found.totalCount : listed + found.users.length;
    total = found.totalCount;
  }
}

async function remove(_given: Given, username: string, { store, print }: UserCommandOptions) {
  const user = await known(store, username);
  await deleteAccount(store, user.id);
  print(`deleted ${lineOf(user)}`);
}

/** A command line that says nothing we know. */
class UsageError extends Error {
  override readonly name = "UsageError";
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, allowNegative: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

async function known({ users }: Store, username: string): Promise<User> {
  const user = await users.byUsername(username);
  if (user === null) throw new SlipwayError("not-found", `there is no user ${username}`);
  return user;
}

function lineOf({ id, username, email, operator }: User): string {
  return [username, email, operator ? "operator" : "member", id].join("  ");
}
