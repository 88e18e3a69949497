// The port to where releases run. A release is started beside the one that serves, and takes its place only when it is up.
//
// Order of calls: start → promote, or start → discard. Each may be repeated. Of one app only one caller is at work at a
// time (its lane sees to that); different apps run side by side.

import type { Address } from "../app.ts";

export interface ReleaseSpec {
  readonly appId: string;
  readonly appName: string;
  readonly releaseId: string;
  readonly releaseNumber: number;
  readonly deploymentId: string;
  readonly attempt: number;
  /** Reference by digest. */
  readonly image: string;
  /** argv of the process. */
  readonly command: readonly string[];
  readonly processType: string;
  /** Without PORT, which the scheduler sets. */
  readonly environment: Readonly<Record<string, string>>;
  readonly limits: { readonly memoryBytes: number; readonly cpus: number; readonly pids: number };
  /** How long it has to accept TCP on PORT. */
  readonly bootTimeoutMs: number;
}

export interface Scheduler extends AsyncDisposable {
  /**
   * Starts the release's process and resolves once it accepts TCP on PORT. What a former attempt at the same release left is
   * removed first. On any failure nothing of this release is left running.
   * `onOutput` gets what the process wrote while it booted, as it comes, to its end also when it fails.
   * @throws {SlipwayError} "app-crashed" when it exits before, "boot-timeout" when it never listens, "engine-unavailable",
   * "registry-unavailable" when the image cannot be pulled; the signal's reason when aborted.
   */
  start(
    release: ReleaseSpec,
    options: { readonly onOutput: (bytes: Uint8Array) => void | Promise<void>; readonly signal: AbortSignal },
  ): Promise<Address>;
  /** From now on the release is the app's: kept alive by the engine; all others of the app are stopped (SIGTERM, `graceMs`, SIGKILL). */
  promote(appId: string, releaseId: string, options: { readonly graceMs: number }): Promise<void>;
  /** Removes a release that did not make it. */
  discard(appId: string, releaseId: string): Promise<void>;
  /** Stops and removes everything of an app. */
  removeApp(appId: string): Promise<void>;
  /** Apps that have something running, with the releases: the reconciler's view. */
  list(): Promise<readonly { readonly appId: string; readonly releaseId: string }[]>;
  ping(): Promise<void>;
}
