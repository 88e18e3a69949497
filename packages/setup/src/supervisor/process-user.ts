// The users and groups of an installation that runs as root: one user per kind of process, with ids that no account has.

import { createHash } from "node:crypto";

export type AppKind = "api" | "stream" | "router" | "worker";
type PrivateUser = AppKind | "redis" | "registry";

/** The identity of a process. */
export interface ProcessUser {
  uid: number;
  gid: number;
  /** Supplementary groups: those of files shared with other processes, and of the engine's socket. */
  groups: readonly number[];
  /** Whether it may listen on a port below 1024. */
  listensOnLowPort: boolean;
}

export interface OwnIds {
  /** User ids. Each user's primary group has the same id. */
  users: Readonly<Record<PrivateUser, number>>;
  /** The groups with access to the database, the signing keys, and the blobs. */
  groups: Readonly<Record<"database" | "keys" | "blobs", number>>;
}

/** Ids that neither distributions nor systemd assign: https://systemd.io/UIDS-GIDS. */
const firstId = 60_706;
const lastId = 61_183;
const idsOfOne = 9;

/**
 * The ids of an installation, which never change. Two installations on a machine usually have different ids, so the processes of one
 * cannot open the files of the other.
 */
export function ownIds(installationId: string): OwnIds {
  const ranges = Math.floor((lastId - firstId + 1) / idsOfOne);
  const range = createHash("sha256").update(installationId).digest().readUInt32BE() % ranges;
  const id = (index: number) => firstId + range * idsOfOne + index;
  return {
    users: { api: id(0), stream: id(1), router: id(2), worker: id(3), redis: id(4), registry: id(5) },
    groups: { database: id(6), keys: id(7), blobs: id(8) },
  };
}

/** A user with its primary group only. */
export function plainUser(id: number): ProcessUser {
  return { uid: id, gid: id, groups: [], listensOnLowPort: false };
}

/** The groups of each kind of process, except the group of the engine's socket. */
export function sharedGroups(kind: AppKind, { groups }: OwnIds): number[] {
  const { database, keys, blobs } = groups;
  return {
    api: [database, keys, blobs],
    stream: [database, keys],
    router: [database],
    worker: [database, blobs],
  }[kind];
}

/**
 * The command line that runs `command` as `user` without a way to gain rights, or as root when there is no user. The user's group may
 * change the files that it writes, because processes of several users share the database and the blobs.
 * @param setpriv path of the program setpriv.
 */
export function commandAs(
  user: ProcessUser | undefined,
  setpriv: string,
  command: readonly string[],
): [string, ...string[]] {
  const shared = ["/bin/sh", "-c", 'umask 007 && exec "$0" "$@"', ...command] as const;
  if (user === undefined) return [...shared];
  return [setpriv, ...options(user), "--", ...shared];
}

function options({ uid, gid, groups, listensOnLowPort }: ProcessUser): string[] {
  const low = ["--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service"];
  return [
    `--reuid=${uid}`,
    `--regid=${gid}`,
    groups.length === 0 ? "--clear-groups" : `--groups=${groups.join(",")}`,
    "--no-new-privs",
    ...(listensOnLowPort ? low : ["--bounding-set=-all"]),
  ];
}
