// Runs a private server as a separate user when setup runs as root.

import { findProgram } from "../machine/find-program.ts";
import { isRoot } from "../machine/shared-folder.ts";
import { giveFolder } from "./shared-files.ts";
import { commandAs, ownIds, plainUser } from "./process-user.ts";
import { obstacle } from "./user-access.ts";

/**
 * The command line of a private server that runs as a separate user, which becomes the owner of the server's folder. It runs as setup's
 * user when that is not root, or when the separate user could not use the folder.
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
