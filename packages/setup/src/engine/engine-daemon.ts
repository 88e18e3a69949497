// Starts and stops the machine's Docker Engine: through systemd if it is running, otherwise as a child process.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { poll } from "@slipway/async";
import { searchPath } from "../child-environment.ts";
import { findProgram } from "../machine/find-program.ts";
import { sharedFolder } from "../machine/shared-folder.ts";
import { stopProcess } from "../services/services.ts";
import { lastLines, spawnService } from "../services/spawn-service.ts";
import { reasonOf, SetupError } from "../setup-error.ts";
import { probeEngine } from "./engine-connection.ts";
import type { Engine } from "./engine-connection.ts";
import type { EngineStart } from "./engine-start.ts";

const startTimeoutMs = 60_000;
const everyMs = 100;
const otherStartTimeoutMs = 15_000;
const stopGraceMs = 30_000;
const shownLines = 10;

/** Starts the installed engine and waits until it answers. Throws SetupError with the end of the engine's log. */
export async function startEngine(): Promise<{ engine: Engine; start: EngineStart }> {
  return existsSync("/run/systemd/system") ? startBySystemd() : startProcess();
}

/** Stops an engine that `startEngine` started, and all containers on it. */
export async function stopEngine(start: EngineStart): Promise<void> {
  if (start.by === "process") return stopProcess(start, stopGraceMs);
  await execa("systemctl", ["stop", "docker.service", "docker.socket"], {
    env: { PATH: searchPath() },
    stdin: "ignore",
  });
}

async function startBySystemd(): Promise<{ engine: Engine; start: EngineStart }> {
  try {
    await execa("systemctl", ["start", "docker.service"], { env: { PATH: searchPath() }, stdin: "ignore" });
  } catch (error) {
    throw new SetupError(
      `systemd could not start the Docker Engine, see journalctl -u docker:\n${reasonOf(error)}`,
    );
  }
  const engine = await poll(answering, { everyMs, limitMs: startTimeoutMs });
  if (!engine)
    throw new SetupError(
      "systemd started the Docker Engine, but it does not answer: see journalctl -u docker.",
    );
  return { engine, start: { by: "systemd", invocationId: (await dockerInvocation()) ?? "" } };
}

/** The systemd invocation id of the running engine; undefined when it does not run. */
export async function dockerInvocation(): Promise<string | undefined> {
  const { stdout } = await execa(
    "systemctl",
    ["show", "--property=InvocationID", "--value", "docker.service"],
    {
      env: { PATH: searchPath() },
      stdin: "ignore",
      reject: false,
    },
  );
  return stdout.trim() || undefined;
}

async function startProcess(): Promise<{ engine: Engine; start: EngineStart }> {
  const dockerd = await findProgram("dockerd");
  if (!dockerd) throw new SetupError(noEngine("dockerd is not installed"));
  await mountControlGroups();
  const logFile = join(await sharedFolder(), "dockerd.log");
  const { identity, ended } = await spawnService(dockerd, [], logFile);
  const engine =
    (await poll(async () => (await answering()) ?? (ended() === undefined ? undefined : null), {
      everyMs,
      limitMs: startTimeoutMs,
    })) ??
    // dockerd exits at once when another process has just started an engine, which may not respond yet.
    (await poll(answering, { everyMs, limitMs: otherStartTimeoutMs }));
  if (engine) return { engine, start: { by: "process", ...identity } };
  const how = ended() ?? `no answer within ${startTimeoutMs / 1000} s`;
  await stopProcess(identity, stopGraceMs);
  throw new SetupError(await startFailure(logFile, how));
}

/** The message for a user who has no engine and cannot start one from here. */
export function noEngine(reason: string): string {
  return `No Docker Engine answers (${reason}).
  Install one and start it (Debian and Ubuntu, as root: apt-get install docker.io && systemctl start docker), or set DOCKER_HOST.`;
}

async function startFailure(logFile: string, how: string): Promise<string> {
  return `The Docker Engine did not start (${how}). The end of ${logFile}:\n${await lastLines(logFile, shownLines)}`;
}

async function answering(): Promise<Engine | undefined> {
  const answer = await probeEngine(undefined);
  return "docker" in answer ? answer : undefined;
}

/** Mounts the control groups if no init system did, because the engine does not start without them. */
async function mountControlGroups(): Promise<void> {
  const mounts = await readFile("/proc/mounts", "utf8");
  if (/ cgroup2? /.test(mounts)) return;
  try {
    await execa("mount", ["-t", "cgroup2", "none", "/sys/fs/cgroup"], {
      env: { PATH: searchPath() },
      stdin: "ignore",
    });
  } catch (error) {
    throw new SetupError(
      `The control groups that the Docker Engine needs cannot be mounted on /sys/fs/cgroup: ${reasonOf(error)}`,
    );
  }
}
