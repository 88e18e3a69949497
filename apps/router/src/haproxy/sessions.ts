// The requests that HAProxy has sent to apps and that have not ended.

import type { Commands } from "./commands.ts";
import { appsBackend, appServer, frontend, rolloutsTable } from "./configuration.ts";

/** @returns the number of the rollout's requests in flight. A request ends when the client has received its response. */
export async function requestsInFlight(commands: Pick<Commands, "ask">, rolloutId: string): Promise<number> {
  const rows = rowsOf(await commands.ask(`show table ${rolloutsTable} key ${rolloutId}`));
  return rows.get(rolloutId) ?? 0;
}

/** @returns the rollouts that have requests, or had some within `idleMs`. */
export async function rolloutsInUse(commands: Pick<Commands, "ask">): Promise<ReadonlySet<string>> {
  return new Set(rowsOf(await commands.ask(`show table ${rolloutsTable}`)).keys());
}

/** @returns the number of requests of all clients that have not ended, those that HAProxy passed to the router included. */
export async function countRequests(commands: Pick<Commands, "ask">): Promise<number> {
  const sessions = await commands.ask("show sess");
  return [...sessions.matchAll(new RegExp(` fe=${frontend} `, "g"))].length;
}

/**
 * Ends the requests to these addresses, written as `host:port`. HAProxy passes a request to the router if its response has not begun, and
 * closes the client's connection otherwise.
 */
export async function endSessions(
  commands: Pick<Commands, "ask">,
  addresses: ReadonlySet<string>,
): Promise<void> {
  if (addresses.size === 0) return;
  const sessions = sessionsTo(addresses, await commands.ask("show sess all"));
  // A session that has ended in the meantime is an error of the command.
  for (const session of sessions) await commands.ask(`shutdown session ${session}`);
}

/** @returns the numbers of requests in flight by rollout, from HAProxy's answer. */
export function rowsOf(table: string): ReadonlyMap<string, number> {
  const rows = table.matchAll(/^0x[0-9a-f]+: key=(\S+) .*\bconn_cur=(\d+)/gm);
  return new Map(rows.map(([, key = "", count]) => [key, Number(count)]));
}

/** @returns the ids of the sessions whose server has one of the addresses, from HAProxy's answer. */
export function sessionsTo(addresses: ReadonlySet<string>, answer: string): string[] {
  return answer.split(/^(?=0x[0-9a-f]+: )/m).flatMap((session) => {
    const [, id] = /^(0x[0-9a-f]+): /.exec(session) ?? [];
    const [, backend] = /^\s+backend=(\S+) /m.exec(session) ?? [];
    const [, server, address] = /^\s+server=(\S+) .*\baddr=(\S+)/m.exec(session) ?? [];
    const isToApp = backend === appsBackend && server === appServer;
    return isToApp && id !== undefined && addresses.has(address ?? "") ? [id] : [];
  });
}
