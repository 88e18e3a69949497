// Installs the distribution's packages that setup needs and the machine lacks.

import { execa } from "execa";
import { searchPath } from "../child-environment.ts";
import { step } from "../progress.ts";
import type { PrintLine } from "../progress.ts";
import { SetupError } from "../setup-error.ts";
import { findProgram } from "./find-program.ts";
import { enabledUnits, forbidStarts, keepFromBoot } from "./package-services.ts";
import { isRoot, sharedLock } from "./shared-folder.ts";

/** The programs that setup may need, with the packages that contain them on Debian and Ubuntu. */
const packagesOf = {
  dockerd: ["docker.io", "iptables"],
  docker: ["docker.io"],
  "redis-server": ["redis-server"],
  "docker-registry": ["docker-registry"],
  debootstrap: ["debootstrap"],
  git: ["git"],
  chromium: ["chromium"],
  "mkfs.xfs": ["xfsprogs"],
  "mkfs.btrfs": ["btrfs-progs"],
  "docker-compose": ["docker-compose"],
  haproxy: ["haproxy"],
} as const;

/** Units that these packages and their dependencies start and enable. */
const units = [
  "containerd.service",
  "docker.service",
  "docker.socket",
  "docker-registry.service",
  "haproxy.service",
  "redis-server.service",
];

export type Program = keyof typeof packagesOf;

const shownLines = 15;

/** Whether packages can be installed here: Debian or Ubuntu, as root. */
async function canInstall(): Promise<boolean> {
  return isRoot() && (await findProgram("apt-get")) !== undefined;
}

/** The packages that contain the `missing` programs. Newer Debian releases package the Docker client separately. */
export function packageNames(missing: readonly Program[], separateDockerClient: boolean): string[] {
  const names = new Set<string>(missing.flatMap((program) => packagesOf[program]));
  if (separateDockerClient && missing.includes("docker")) names.add("docker-cli");
  return [...names].toSorted();
}

/**
 * Installs the missing ones of `programs` where packages can be installed. Their services are not started, now or at boot.
 * Throws SetupError with the output of apt-get.
 */
export async function installPrograms(programs: readonly Program[], printLine: PrintLine): Promise<void> {
  if (!(await canInstall()) || (await missingOf(programs)).length === 0) return;
  const { report, during } = step(printLine, "packages");
  await using _lock = await sharedLock("apt", report);
  const missing = await missingOf(programs);
  if (missing.length === 0) return;
  const names = packageNames(missing, missing.includes("docker") && (await aptHas("docker-cli")));
  const enabledBefore = await enabledUnits(units);
  await during(`installing ${names.join(", ")} (apt-get)`, async (note) => {
    using _policy = await forbidStarts();
    // Updating the lists takes seconds, so it is done only after an install failed because of missing or old lists.
    if ((await apt(["install", ...names], note)) === undefined) return;
    note("refreshing the package lists");
    await apt(["update"], note);
    const failure = await apt(["install", ...names], note);
    if (failure !== undefined) throw new SetupError(`apt-get install ${names.join(" ")} failed:\n${failure}`);
  });
  const enabledNow = await enabledUnits(units);
  await keepFromBoot(enabledNow.filter((unit) => !enabledBefore.includes(unit)));
}

async function missingOf(programs: readonly Program[]): Promise<Program[]> {
  const found = await Promise.all(programs.map(findProgram));
  return programs.filter((_, index) => found[index] === undefined);
}

/** Runs apt-get without prompts. Returns its last lines when it failed. */
async function apt(args: readonly string[], note: (detail: string) => void): Promise<string | undefined> {
  const options = [
    "-y",
    "-q",
    "--no-install-recommends",
    "-o",
    "DPkg::Lock::Timeout=600",
    "-o",
    "Dpkg::Use-Pty=0",
  ];
  const child = execa("apt-get", [...options, ...args], {
    all: true,
    reject: false,
    stdin: "ignore",
    env: {
      PATH: searchPath(),
      DEBIAN_FRONTEND: "noninteractive",
      NEEDRESTART_SUSPEND: "1",
      LC_ALL: "C.UTF-8",
    },
  });
  const lines: string[] = [];
  for await (const line of child.iterable({ from: "all" })) {
    lines.push(line);
    note(line.slice(0, 60));
  }
  const { failed } = await child;
  return failed ? lines.slice(-shownLines).join("\n") : undefined;
}

async function aptHas(name: string): Promise<boolean> {
  const { failed } = await execa("apt-cache", ["show", name], {
    reject: false,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  return !failed;
}
