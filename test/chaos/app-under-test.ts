// One of Slipway's processes, which a test kills, freezes, stops and starts again.

import { mkdir, open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { launchApp } from "@slipway/setup";
import type { AppProcess, LaunchedSpec } from "@slipway/setup";
import { eventually } from "@slipway/testkit";

/** Owns the current process, also after a restart. The log of the process goes to a file. */
export class AppUnderTest implements AsyncDisposable {
  readonly #spec: LaunchedSpec;
  readonly #logFolder: string;
  #process: AppProcess | undefined;

  constructor(spec: LaunchedSpec, logFolder: string) {
    this.#spec = spec;
    this.#logFolder = logFolder;
  }

  get name(): string {
    return this.#spec.name;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Starts the process, for the first time or again; resolves when it is ready. */
  async start(): Promise<void> {
    await mkdir(this.#logFolder, { recursive: true });
    const log = await open(join(this.#logFolder, `${this.name}.log`), "a");
    this.#process = await launchApp(this.#spec, log.fd);
    await log.close();
    await this.#process.ready;
  }

  /** Sends SIGKILL; resolves when the process has ended. */
  async kill(): Promise<void> {
    this.#process?.signal("SIGKILL");
    await this.#process?.ended;
  }

  /** Sends SIGTERM. @returns how the process ended. */
  async stop(): Promise<string | undefined> {
    this.#process?.signal("SIGTERM");
    return this.#process?.ended;
  }

  /**
   * Sends SIGSTOP: the process continues later without having noticed the pause. Resolves when all its threads are stopped: on a busy
   * machine a thread may first have to finish a system call, for example one that takes a lock.
   */
  async freeze(): Promise<void> {
    process.kill(this.pid, "SIGSTOP");
    await eventually(() => areStopped(this.pid));
  }

  thaw(): void {
    process.kill(this.pid, "SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** Whether every thread of a process is in state "T", the third field of /proc/PID/task/TID/stat. */
async function areStopped(pid: number): Promise<boolean> {
  const tasks = `/proc/${pid}/task`;
  const stats = await Promise.all(
    (await readdir(tasks)).map((thread) => readFile(`${tasks}/${thread}/stat`, "utf8")),
  );
  return stats.every((stat) => stat.slice(stat.lastIndexOf(")") + 2).startsWith("T"));
}
