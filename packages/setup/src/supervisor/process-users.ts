// Chooses the user of each process when the supervisor runs as root, and reports which processes keep root and why.

import { stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { machineEnvironment } from "../child-environment.ts";
import { findProgram } from "../machine/find-program.ts";
import { isRoot } from "../machine/shared-folder.ts";
import { repositoryRoot } from "../repository.ts";
import type { AppSpec } from "./app-specs.ts";
import { ownCompileCache, shareFiles } from "./shared-files.ts";
import { ownIds, plainUser, sharedGroups } from "./process-user.ts";
import type { OwnIds, ProcessUser } from "./process-user.ts";
import { programFiles } from "./program-files.ts";
import { obstacle } from "./user-access.ts";
import type { Need } from "./user-access.ts";

const lowPorts = 1024;
const defaultSocket = "/var/run/docker.sock";

/**
 * If this process is root, gives each process a user of its own with access to its files; otherwise returns `specs` unchanged.
 * A process keeps root, with a report of the reason, if its user could not open a file that it needs.
 * @param options.root folder of the repository, which contains the processes' packages.
 */
export async function withOwnUsers(
  specs: readonly AppSpec[],
  {
    dataDir,
    installationId,
    report,
    root = repositoryRoot,
  }: { dataDir: string; installationId: string; report: (text: string) => void; root?: string },
): Promise<AppSpec[]> {
  if (!isRoot()) return [...specs];
  const setpriv = await findProgram("setpriv");
  if (setpriv === undefined) {
    report("all run as root, because setpriv is missing: install the package util-linux");
    return [...specs];
  }
  const ids = ownIds(installationId);
  // In a container that does not map these ids, files cannot be given to them either.
  const unmapped = await obstacle(plainUser(ids.users.router), setpriv, []);
  if (unmapped !== undefined) {
    report(`all run as root, because ${unmapped}`);
    return [...specs];
  }
  await shareFiles(dataDir, ids, {
    sqlite: specs.some(({ environment }) => environment["DATABASE_URL"] === undefined),
  });
  return Promise.all(
    specs.map(async (spec) => {
      const user = await userOf(spec, ids);
      const reason = ownFilesOf(spec) ?? (await obstacle(user, setpriv, await needsOf(spec, dataDir, root)));
      if (reason === undefined) {
        const cache = await ownCompileCache(dataDir, spec.kind, ids);
        return {
          ...spec,
          runAs: { setpriv, user },
          environment: { ...spec.environment, NODE_COMPILE_CACHE: cache },
        };
      }
      report(`${spec.name} runs as root, because ${reason}`);
      return { ...spec, runAs: { setpriv } };
    }),
  );
}

async function userOf({ kind, environment }: AppSpec, ids: OwnIds): Promise<ProcessUser> {
  const id = ids.users[kind];
  const ports = [environment[`${kind.toUpperCase()}_PORT`], environment["METRICS_PORT"]].map(Number);
  return {
    uid: id,
    gid: id,
    groups: [...sharedGroups(kind, ids), ...(kind === "worker" ? await socketGroups(environment) : [])],
    listensOnLowPort: ports.some((port) => port > 0 && port < lowPorts),
  };
}

async function socketGroups(environment: Readonly<Record<string, string>>): Promise<number[]> {
  const found = await Promise.all(
    socketsOf(environment).map((path) =>
      stat(path).then(
        ({ gid }) => [gid],
        () => [],
      ),
    ),
  );
  return found.flat();
}

/** The sockets of the engines on this machine. */
function socketsOf(environment: Readonly<Record<string, string>>): string[] {
  const { SCHEDULER_DOCKER_HOST: releases, SWARM_NODE_DOCKER_HOSTS: nodes = "" } = environment;
  const hosts = [
    environment["DOCKER_HOST"] ?? `unix://${defaultSocket}`,
    ...(releases === undefined ? [] : [releases]),
    ...nodes.split(/[\s,]+/),
  ];
  return hosts.filter((host) => host.startsWith("unix://")).map((host) => host.slice("unix://".length));
}

/** Files outside of the data directory, whose owners setup does not change. */
function ownFilesOf({ environment }: AppSpec): string | undefined {
  const given = ["DATABASE_URL", "BLOBS_URL"].find(
    (name) => environment[name] !== undefined && !environment[name].startsWith("mongodb"),
  );
  return given === undefined ? undefined : `${given} names files whose owner set-up does not change`;
}

async function needsOf(spec: AppSpec, dataDir: string, root: string): Promise<Need[]> {
  const { kind, script, environment } = spec;
  const machine = machineEnvironment(spec);
  const given = (name: string) => [machine[name] ?? []].flat();
  const certificates = given("DOCKER_CERT_PATH").map((folder) => join(folder, "key.pem"));
  const files = [
    environment["SIGNING_KEYS_FILE"],
    environment["RECEIPT_KEY_FILE"],
    environment["BUILD_CA_BUNDLE"],
    environment["BUILDPACKS"],
    ...given("NODE_EXTRA_CA_CERTS"),
  ];
  const readable = [
    join(repositoryRoot, script),
    ...files.filter((file) => file !== undefined),
    ...(await programFiles(kind, root)),
  ];
  const needs: Need[] = [
    ["-x", process.execPath],
    ["-x", dataDir],
    ...readable.map((path): Need => ["-r", path]),
  ];
  if (kind !== "worker") return needs;
  const writable = [tmpdir(), ...socketsOf(environment), ...given("SSH_AUTH_SOCK")];
  return [
    ...needs,
    ...certificates.map((path): Need => ["-r", path]),
    ...writable.map((path): Need => ["-w", path]),
  ];
}
