// slipway ps, scale and restart.

import { poll } from "@slipway/async";
import { containersAnswer, operationAnswer } from "@slipway/protocol";
import type { AppBody, OperationBody } from "@slipway/protocol";
import { CommandError, exitCodes } from "../client/command-error.ts";
import { problemText } from "../client/responses.ts";
import { table } from "./output.ts";
import type { AddCommand } from "./command.ts";
import type { Session } from "./session.ts";

const pollMs = 500;
const silentMs = 5_000;

export function addContainerCommands(add: AddCommand): void {
  add("ps", "list the app's containers", {
    examples: ["slipway ps"],
    async run(session) {
      const app = await session.app();
      const found = await (await session.api()).get(`/apps/${app.id}/ps`, containersAnswer);
      const rows = found.containers.map((one) => [
        one.label,
        one.state,
        one.container_size.name,
        one.created_at,
        one.command,
      ]);
      session.output.result(found, table(["NAME", "STATE", "SIZE", "STARTED", "COMMAND"], rows));
      return exitCodes.success;
    },
  });
  add("scale <TYPE=COUNT...>", "change the number of containers, and wait for it", {
    examples: ["slipway scale web=2", "slipway scale web=0"],
    async run(session, args) {
      return operate(session, "scale", { containers: args.map(parseAmount) });
    },
  });
  add("restart", "restart the app's containers, and wait for it", {
    examples: ["slipway restart"],
    run: (session) => operate(session, "restart", {}),
  });
}

function parseAmount(text: string): { name: string; amount: number } {
  const [, name, amount] = /^([a-z][\w-]*)=(\d+)$/i.exec(text) ?? [];
  if (name !== undefined) return { name, amount: Number(amount) };
  throw new CommandError(`"${text}" is not TYPE=COUNT: give for example web=2.`, exitCodes.usage);
}

/** Requests an operation and waits for its end. */
async function operate(session: Session, kind: "scale" | "restart", body: unknown): Promise<number> {
  const app = await session.app();
  const response = await (await session.api()).request("POST", `/apps/${app.id}/${kind}`, body);
  const text = await response.text();
  if (!response.ok)
    throw new CommandError(`The API refused to ${kind} ${app.name}: ${problemText(response.status, text)}`);
  const id = /\/operations\/([^/?]+)$/.exec(response.headers.get("location") ?? "")?.[1];
  if (id === undefined)
    throw new CommandError(
      `The API named no operation for ${kind}: check that it is a Slipway of this version.`,
    );
  const operation = await operationEnd(session, { app, kind, id });
  if (operation.status === "error") {
    throw new CommandError(`The ${kind} of ${app.name} failed: ${operation.error}`);
  }
  session.output.result({ operation }, `The ${kind} of ${app.name} is done.`);
  return exitCodes.success;
}

interface Requested {
  readonly app: AppBody;
  readonly kind: string;
  readonly id: string;
}

/** Waits for the end of an operation. Reports its status when it takes some seconds, and each later change. */
async function operationEnd(session: Session, { app, kind, id }: Requested): Promise<OperationBody> {
  const api = await session.api();
  const silentUntil = performance.now() + silentMs;
  let reported = "";
  const look = async () => {
    const { operation } = await api.get(`/apps/${app.id}/operations/${id}`, operationAnswer);
    if (performance.now() >= silentUntil && operation.status !== reported) {
      reported = operation.status;
      session.output.message("waiting", `the ${kind} of ${app.name} is ${reported}`);
    }
    return (operation.status === "done" || operation.status === "error") && operation;
  };
  return poll(look, { everyMs: pollMs });
}
