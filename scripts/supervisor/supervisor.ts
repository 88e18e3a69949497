// Runs all apps of an installation: starts them, restarts one that dies, and drains them all in the end.
import { mkdir, open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AppEnvironment } from "../setup/environment.ts";
import type { Say } from "../setup/progress.ts";
import { step } from "../setup/progress.ts";
import { forgetServices, recordService } from "../setup/services.ts";
import { reasonOf, SetupError } from "../setup/setup-error.ts";
import { lastLines } from "../setup/spawn-service.ts";
import type { AppProcess } from "./app-process.ts";
import { launchApp } from "./app-process.ts";
import type { AppSpec } from "./app-specs.ts";
import { appSpecs } from "./app-specs.ts";
import { restartDelay } from "./restart-policy.ts";
import { onStopSignals } from "./stop-signals.ts";

export interface SupervisorOptions {
  say: Say;
  /** A folder for one log file per app; the terminal's own streams when undefined. */
  logFolder?: string;
  logFormat: "pretty" | "json";
  /** Drain at the first SIGINT, SIGTERM or SIGHUP of this process, and end at once at the second. */
  obeySignals: boolean;
}

/** Beyond the apps' own grace, for those that do not keep to it. */
const killAfterGraceMs = 10_000;
const shownLines = 15;

/**
 * Starts all apps and waits until each serves, or until a signal ends it. Throws SetupError, with all stopped again,
 * when one does not come up.
 */
export async function startApps(
  environment: AppEnvironment,
  options: SupervisorOptions,
): Promise<Supervisor> {
  const supervisor = new Supervisor(environment, options);
  if (options.obeySignals) obeySignals(supervisor, step(options.say, "apps").report);
  try {
    await supervisor.start();
    return supervisor;
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

function obeySignals(supervisor: Supervisor, report: (text: string) => void): void {
  const ignore = onStopSignals(
    (signal) => {
      report(`${signal}: letting running work finish; once more ends all at once`);
      supervisor.stop().catch((error: unknown) => report(reasonOf(error)));
    },
    () => supervisor.kill(),
  );
  void supervisor.ended.finally(ignore);
}

/** Owns the app processes. Dispose of it, or call `stop`, to drain them. */
export class Supervisor implements AsyncDisposable {
  /** Resolves when all apps have ended: 0 after `stop`, 1 when one died too often. */
  readonly ended: Promise<number>;
  readonly #environment: AppEnvironment;
  readonly #options: SupervisorOptions;
  readonly #specs: AppSpec[];
  readonly #report: (text: string) => void;
  readonly #running = new Map<string, AppProcess>();
  readonly #deaths = new Map<string, number[]>();
  readonly #end = Promise.withResolvers<number>();
  readonly #stopping = new AbortController();
  #code = 0;

  constructor(environment: AppEnvironment, options: SupervisorOptions) {
    this.#environment = environment;
    this.#options = options;
    this.#specs = appSpecs(environment, options.logFormat);
    this.#report = step(options.say, "apps").report;
    this.ended = this.#end.promise;
  }

  /** Starts the apps; resolves when all serve. */
  async start(): Promise<void> {
    if (this.#options.logFolder !== undefined)
      await mkdir(this.#options.logFolder, { recursive: true, mode: 0o700 });
    this.#report(`starting ${this.#specs.map((spec) => spec.name).join(", ")}`);
    const launched = await Promise.all(this.#specs.map((spec) => this.#launch(spec)));
    try {
      await Promise.all(launched.map((app) => app.ready));
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      throw new SetupError(`${reasonOf(error)}.${await this.#lastWords()}`);
    }
    for (const spec of this.#specs) this.#watch(spec);
    if (this.#stopping.signal.aborted) return;
    this.#report("all ready");
  }

  /** Asks all apps to drain and waits for them; those that outstay their grace are killed. */
  async stop(): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort();
      for (const app of this.#running.values()) app.signal("SIGTERM");
    }
    const graceMs = Number(this.#environment.GRACE_MS) + killAfterGraceMs;
    const timer = setTimeout(() => this.kill(), graceMs);
    await Promise.all([...this.#running.values()].map((app) => app.ended));
    clearTimeout(timer);
    await forgetServices(
      this.#environment.DATA_DIR,
      this.#specs.map((spec) => spec.name),
    );
    this.#end.resolve(this.#code);
  }

  /** Ends all apps at once. */
  kill(): void {
    for (const app of this.#running.values()) app.signal("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #launch(spec: AppSpec): Promise<AppProcess> {
    const log = await this.#openLog(spec.name);
    const app = await launchApp(spec, log?.fd ?? "inherit");
    await log?.close();
    this.#running.set(spec.name, app);
    if (this.#stopping.signal.aborted) app.signal("SIGTERM");
    void app.ended.then(() => this.#running.get(spec.name) === app && this.#running.delete(spec.name));
    if (app.identity)
      await recordService(this.#environment.DATA_DIR, { kind: "process", name: spec.name, ...app.identity });
    return app;
  }

  /** Once all were ready, a death is answered by a restart, and too many of them by the end of all. */
  #watch(spec: AppSpec): void {
    const app = this.#running.get(spec.name);
    const ended = app?.ended ?? Promise.resolve("before it was watched");
    void ended
      .then((how) => this.#revive(spec, how))
      .catch((error: unknown) => this.#giveUp(reasonOf(error)));
  }

  async #revive(spec: AppSpec, how: string): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const deaths = this.#deaths.get(spec.name) ?? [];
    const delayMs = restartDelay(deaths, Date.now());
    this.#deaths.set(spec.name, [...deaths, Date.now()]);
    if (delayMs === undefined) return this.#giveUp(`${spec.name} ended (${how}) too often`);
    this.#report(`${spec.name} ended unexpectedly (${how}), starting it again in ${delayMs} ms`);
    await sleep(delayMs);
    if (this.#stopping.signal.aborted) return;
    await this.#launch(spec);
    this.#watch(spec);
  }

  #giveUp(reason: string): void {
    this.#report(`${reason}: stopping all`);
    this.#code = 1;
    void this.stop().catch((error: unknown) => this.#end.reject(error));
  }

  async #openLog(name: string): Promise<FileHandle | undefined> {
    const path = this.#logFile(name);
    return path === undefined ? undefined : open(path, "a", 0o600);
  }

  #logFile(name: string): string | undefined {
    return this.#options.logFolder === undefined ? undefined : join(this.#options.logFolder, `${name}.log`);
  }

  /** What the apps that are gone said last, when it went to files that nobody has seen. */
  async #lastWords(): Promise<string> {
    const gone = this.#specs.filter((spec) => !this.#running.has(spec.name));
    const words = await Promise.all(
      gone.map(async ({ name }) => {
        const path = this.#logFile(name);
        return path === undefined ? "" : `\nThe end of ${path}:\n${await lastLines(path, shownLines)}`;
      }),
    );
    return words.join("");
  }
}
