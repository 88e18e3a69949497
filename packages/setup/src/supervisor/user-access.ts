// Tests whether a user could use the files that a process needs.

import { execa } from "execa";
import { commandAs } from "./process-user.ts";
import type { ProcessUser } from "./process-user.ts";

/** An access that a process needs: a flag of test(1), and a path. */
export type Need = readonly [flag: "-r" | "-w" | "-x", path: string];

/** A script that prints the first path that fails its test. */
const checkNeeds = 'while [ $# -gt 0 ]; do test "$1" "$2" || { echo "$2"; exit 1; }; shift 2; done';

/** Why the user cannot run the process; undefined when it can. */
export async function obstacle(
  user: ProcessUser,
  setpriv: string,
  needs: readonly Need[],
): Promise<string | undefined> {
  const [program, ...args] = commandAs(user, setpriv, ["/bin/sh", "-c", checkNeeds, "sh", ...needs.flat()]);
  const { exitCode, stdout, stderr } = await execa(program, args, {
    cwd: "/",
    reject: false,
    stdin: "ignore",
  });
  if (exitCode === 0) return undefined;
  const path = stdout.trim();
  return path === ""
    ? `no process can run as user ${user.uid}: ${stderr.trim()}`
    : `user ${user.uid} cannot access ${path}: give others access to it and to the folders above it, or move it${path.includes("/node_modules/") ? "; chmod -R o+rX node_modules does so for all packages" : ""}`;
}
