// Runs a private server as a user of its own when set-up is root.

import { findProgram } from "../machine/find-program.ts";
import { isRoot } from "../machine/shared-folder.ts";
import { giveFolder } from "./own-files.ts";
import { commandAs, ownIds, plainUser } from "./process-user.ts";
import { obstacle } from "./user-access.ts";

/**
 * The command line of a private server, as a user of its own, which becomes the owner of the server's folder. It runs as the user of
 * set-up when that is not root, or when the server's user could not use the folder.
 */
export async function serverCommand(
  installationId: string,
  { name, folder }: { name: "redis" | "registry"; folder: string },
  command: readonly [string, ...string[]],
): Promise<readonly [string, ...string[]]> {
  const setpriv = isRoot() ? await findProgram("setpriv") : undefined;
  if (setpriv === undefined) return command;
  const id = ownIds(installationId).users[name];
  const user = plainUser(id);
  if ((await obstacle(user, setpriv, [["-x", command[0]]])) !== undefined) return command;
  await giveFolder(folder, id);
  const reason = await obstacle(user, setpriv, [["-w", folder]]);
  return reason === undefined ? commandAs(user, setpriv, command) : command;
}
