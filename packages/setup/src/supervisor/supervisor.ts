// Runs the apps of an installation: starts them, restarts one that exits, and drains them all on stop.

import { mkdir, open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AppEnvironment } from "../environment.ts";
import { step } from "../progress.ts";
import type { PrintLine, Step } from "../progress.ts";
import { measureRegistry } from "../services/registry-size.ts";
import { forgetServices, recordService } from "../services/services.ts";
import { lastLines } from "../services/spawn-service.ts";
import { reasonOf, SetupError } from "../setup-error.ts";
import { launchApp } from "./app-process.ts";
import type { AppProcess } from "./app-process.ts";
import { appSpecs } from "./app-specs.ts";
import type { AppSpec } from "./app-specs.ts";
import { withOwnUsers } from "./process-users.ts";
import { restartDelay } from "./restart-policy.ts";
import { onStopSignals } from "./stop-signals.ts";

export interface SupervisorOptions {
  printLine: PrintLine;
  /** A folder for one log file per app; undefined for the terminal's streams. */
  logFolder?: string;
  logFormat: "pretty" | "json";
  /** Whether the first SIGINT, SIGTERM or SIGHUP to this process drains the apps, and the second one kills them. */
  obeySignals: boolean;
}

/** Added to the apps' grace period before they are killed. */
const killAfterGraceMs = 10_000;
const shownLines = 15;

/**
 * Starts all apps and waits until each is ready, or until a signal stops them. When one fails to start, stops all and throws
 * SetupError.
 */
export async function startApps(
  environment: AppEnvironment,
  options: SupervisorOptions,
): Promise<Supervisor> {
  const supervisor = new Supervisor(environment, options);
  if (options.obeySignals) obeySignals(supervisor, step(options.printLine, "apps").report);
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
      report(`${signal}: letting running work finish; a second signal kills all apps`);
      supervisor.stop().catch((error: unknown) => report(reasonOf(error)));
    },
    () => supervisor.kill(),
  );
  supervisor.ended.then(ignore, ignore);
}

/** Owns the app processes. Disposal or `stop` drains them. */
export class Supervisor implements AsyncDisposable {
  /** Resolves when all apps have ended: with 0 after `stop`, with 1 when one exited too often. */
  readonly ended: Promise<number>;
  readonly #environment: AppEnvironment;
  readonly #options: SupervisorOptions;
  #specs: AppSpec[];
  readonly #step: Step;
  readonly #report: (text: string) => void;
  readonly #running = new Map<string, AppProcess>();
  readonly #exits = new Map<string, number[]>();
  readonly #end = Promise.withResolvers<number>();
  readonly #stopping = new AbortController();
  #measuring: AsyncDisposable | undefined;
  #code = 0;

  constructor(environment: AppEnvironment, options: SupervisorOptions) {
    this.#environment = environment;
    this.#options = options;
    this.#specs = appSpecs(environment, options.logFormat);
    this.#step = step(options.printLine, "apps");
    this.#report = this.#step.report;
    this.ended = this.#end.promise;
  }

  /** Starts the apps; resolves when all are ready. */
  async start(): Promise<void> {
    if (this.#options.logFolder !== undefined)
      await mkdir(this.#options.logFolder, { recursive: true, mode: 0o700 });
    this.#specs = await withOwnUsers(this.#specs, {
      dataDir: this.#environment.DATA_DIR,
      installationId: this.#environment.INSTALLATION_ID,
      report: this.#report,
    });
    const names = this.#specs.map((spec) => spec.name).join(", ");
    try {
      await this.#step.during(`starting ${names}`, async () => {
        const launched = await Promise.all(this.#specs.map((spec) => this.#launch(spec)));
        await Promise.all(launched.map((app) => app.ready));
      });
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      throw new SetupError(`${reasonOf(error)}.${await this.#logTails()}`);
    }
    for (const spec of this.#specs) this.#watch(spec);
    if (this.#stopping.signal.aborted) return;
    if (this.#environment["METRICS_PORT"])
      this.#measuring = measureRegistry(this.#environment.DATA_DIR, (error) =>
        this.#report(`the private registry cannot be measured: ${reasonOf(error)}`),
      );
    this.#report("all ready");
  }

  /** Signals all apps to drain and waits for them. Kills those that exceed their grace period. */
  async stop(): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort();
      for (const app of this.#running.values()) app.signal("SIGTERM");
    }
    const graceMs = Number(this.#environment.GRACE_MS) + killAfterGraceMs;
    const timer = setTimeout(() => this.kill(), graceMs);
    await Promise.all([...this.#running.values()].map((app) => app.ended));
    clearTimeout(timer);
    await this.#measuring?.[Symbol.asyncDispose]();
    await forgetServices(
      this.#environment.DATA_DIR,
      this.#specs.map((spec) => spec.name),
    );
    this.#end.resolve(this.#code);
  }

  /** Kills all apps. */
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
    app.ended
      .then(() => this.#running.get(spec.name) === app && this.#running.delete(spec.name))
      .catch((error: unknown) => this.#report(reasonOf(error)));
    if (app.identity)
      await recordService(this.#environment.DATA_DIR, { kind: "process", name: spec.name, ...app.identity });
    return app;
  }

  /** After all apps were ready: restarts the app when it exits, and stops all apps when it exits too often. */
  #watch(spec: AppSpec): void {
    const app = this.#running.get(spec.name);
    const ended = app?.ended ?? Promise.resolve("before all apps were ready");
    void ended
      .then((how) => (app?.isDraining() === true ? this.#noteDrained(spec) : this.#restart(spec, how)))
      .catch((error: unknown) => this.#giveUp(reasonOf(error)));
  }

  async #restart(spec: AppSpec, how: string): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const exits = this.#exits.get(spec.name) ?? [];
    const delayMs = restartDelay(exits, Date.now());
    this.#exits.set(spec.name, [...exits, Date.now()]);
    if (delayMs === undefined) return this.#giveUp(`${spec.name} exited (${how}) too often`);
    this.#report(`${spec.name} exited unexpectedly (${how}), restarting it in ${delayMs} ms`);
    await sleep(delayMs);
    if (this.#stopping.signal.aborted) return;
    await this.#launch(spec);
    this.#watch(spec);
  }

  /** A drained app is not restarted until all apps are started again. */
  async #noteDrained({ name }: AppSpec): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#report(`${name} was drained and has ended; it starts again with the next start`);
    await forgetServices(this.#environment.DATA_DIR, [name]);
  }

  #giveUp(reason: string): void {
    this.#report(`${reason}: stopping all apps`);
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

  /** The end of the log files of apps that have exited; empty when they log to the terminal. */
  async #logTails(): Promise<string> {
    const exited = this.#specs.filter((spec) => !this.#running.has(spec.name));
    const tails = await Promise.all(
      exited.map(async ({ name }) => {
        const path = this.#logFile(name);
        return path === undefined ? "" : `\nThe end of ${path}:\n${await lastLines(path, shownLines)}`;
      }),
    );
    return tails.join("");
  }
}
