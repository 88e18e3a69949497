// The operator's user command. It works on the store without a running API, so it can create the first user.

import type { Readable } from "node:stream";
import { parseArgs } from "node:util";
import { changeAccount, createAccount, deleteAccount, issueToken } from "@slipway/auth";
import { SlipwayError, pageLimits } from "@slipway/core";
import type { Store, User } from "@slipway/core";
import { readPassword } from "./password-prompt.ts";

export interface UserCommandOptions {
  readonly store: Pick<Store, "apps" | "collaborators" | "tokens" | "users">;
  /** A terminal, or a stream whose first line is the password. */
  readonly input: Readable & { readonly isTTY?: boolean };
  /** Prints a line of the result, for example a token. */
  readonly print: (line: string) => void;
  /** Shows prompts and errors. */
  readonly showMessage: (text: string) => void;
  readonly now: () => Date;
}

const help = `Usage: user create USERNAME --email EMAIL [--fullname NAME] [--operator] [--no-password]
       user change USERNAME [--email EMAIL] [--fullname NAME] [--operator | --no-operator]
       user password USERNAME
       user token USERNAME [--name NAME]
       user list
       user delete USERNAME

The command prompts for passwords, or reads them from the first line of standard input. They are never arguments, because
other users can see those. A user without a password needs an API token, which "user token" creates and prints.`;

const options = {
  email: { type: "string" },
  fullname: { type: "string" },
  name: { type: "string", default: "created by an operator" },
  operator: { type: "boolean" },
  password: { type: "boolean", default: true },
} as const;

type Flags = ReturnType<typeof parseCommandLine>["values"];
type Action = (flags: Flags, username: string, options: UserCommandOptions) => Promise<void>;

const actions: Readonly<Record<string, Action>> = { create, change, password, token, list, delete: remove };

/** Runs a command line. @returns the exit code: 0 for success, 1 for an error, 2 for wrong usage. */
export async function runUserCommand(args: readonly string[], command: UserCommandOptions): Promise<number> {
  try {
    const { values, positionals } = parseCommandLine(args);
    const [name = "", username = "", ...more] = positionals;
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (action === undefined || more.length > 0 || (username === "") !== (name === "list")) {
      throw new UsageError("the command is unknown, or has too few or too many arguments");
    }
    await action(values, username, command);
    return 0;
  } catch (error) {
    if (error instanceof SlipwayError) command.showMessage(`${error.message}\n`);
    else if (error instanceof UsageError) command.showMessage(`${error.message}\n\n${help}\n`);
    else throw error;
    return error instanceof SlipwayError ? 1 : 2;
  }
}

async function create(flags: Flags, username: string, { store, now, ...terminal }: UserCommandOptions) {
  const { email, fullname = "", operator = false } = flags;
  if (email === undefined) throw new UsageError("--email is missing");
  const secret = flags.password ? await readPassword(terminal) : null;
  const user = await createAccount(store, { username, email, fullname, operator, password: secret }, now());
  terminal.print(`created ${lineOf(user)}`);
}

async function change(flags: Flags, username: string, { store, print }: UserCommandOptions) {
  const { email, fullname, operator } = flags;
  const { id } = await findUser(store, username);
  print(`changed ${lineOf(await changeAccount(store, id, { email, fullname, operator }))}`);
}

async function password(_flags: Flags, username: string, { store, ...terminal }: UserCommandOptions) {
  const { id } = await findUser(store, username);
  const user = await changeAccount(store, id, { password: await readPassword(terminal) });
  terminal.print(`changed the password of ${lineOf(user)}`);
}

async function token({ name }: Flags, username: string, { store, print, now }: UserCommandOptions) {
  print((await issueToken(store, await findUser(store, username), name, now())).secret);
}

async function list(_flags: Flags, _username: string, { store, print }: UserCommandOptions) {
  for (let page = 1, listed = 0, total = 1; listed < total; page += 1) {
    const found = await store.users.list({ page, perPage: pageLimits.maxPerPage });
    for (const user of found.users) print(lineOf(user));
    listed = found.users.length === 0 ? found.totalCount : listed + found.users.length;
    total = found.totalCount;
  }
}

async function remove(_flags: Flags, username: string, { store, print }: UserCommandOptions) {
  const user = await findUser(store, username);
  await deleteAccount(store, user.id);
  print(`deleted ${lineOf(user)}`);
}

/** The command line is wrong. The help is printed after the message. */
class UsageError extends Error {
  override readonly name = "UsageError";
}

function parseCommandLine(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, allowNegative: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

async function findUser({ users }: Pick<Store, "users">, username: string): Promise<User> {
  const user = await users.byUsername(username);
  if (user === null) throw new SlipwayError("not-found", `no user is named ${username}`);
  return user;
}

function lineOf({ id, username, email, operator }: User): string {
  return [username, email, operator ? "operator" : "member", id].join("  ");
}
