// The failure of a deployment, for display to users: what happened, where, and what to do.

import type { ErrorCode, SlipwayError } from "./errors.ts";

export interface Failure {
  readonly code: ErrorCode;
  /** What happened. */
  readonly message: string;
  /** What to do about it; null when there is nothing to do but to deploy again. */
  readonly hint: string | null;
  /** Name of the phase that failed; null outside of phases. */
  readonly phase: string | null;
  /** Number of the log line with the reason; null when no line contains it. */
  readonly line: number | null;
}

const again = "Deploy again; if it fails again, an operator can find the reason in the worker's log";

/** Advice by error code. An error with more exact advice has a hint of its own. */
const hints: Partial<Record<ErrorCode, string>> = {
  "source-unreachable": "Check that the URL can be downloaded without a login, or upload the archive again",
  "archive-invalid": "Create the archive with `git archive --format=tar.gz --prefix=app/ HEAD`",
  "archive-too-large": "Leave out what the build does not need, for example node_modules and files of data",
  "no-buildpack":
    "Add the file that a buildpack looks for at the root, or set PROJECT_DIR to the app's folder",
  "build-failed": "Correct what the message names, then deploy again",
  "build-timeout": "Shorten the build, or have an operator raise BUILD_TIMEOUT_MS",
  "build-out-of-memory": "Lower the build's memory use, or have an operator raise BUILD_MEMORY_MB",
  "build-disk-full": "Leave out files that the build does not need, or have an operator raise BUILD_DISK_MB",
  "image-too-large": "List what the app does not need at run time in .slugignore",
  "no-web-process": "Add a Procfile with a line `web: COMMAND`",
  "app-crashed": "Run the same command on your machine with the app's variables and PORT set",
  "boot-timeout": "Make the web process listen on 0.0.0.0 and the port in the variable PORT",
  "hook-failed": "Read the hook's output in the log; the former release keeps serving",
  "engine-unavailable": again,
  "engine-refused": again,
  "registry-unavailable": again,
  "toolchain-unavailable": again,
  "store-unavailable": again,
  "queue-unavailable": again,
  internal: again,
};

const failedCommand = "Read the log from the named line upwards, and run the same command on your machine";

/** The fields of an error from which its failure is made. */
type FailedError = Pick<SlipwayError, "code" | "message"> & Partial<Pick<SlipwayError, "hint" | "exitCode">>;

/** @param where the phase, and the log's line with the reason, if they are known. */
export function failureOf(error: FailedError, where: Partial<Pick<Failure, "phase" | "line">> = {}): Failure {
  const { code, message, hint = hintFor(error) } = error;
  return { code, message, hint, phase: where.phase ?? null, line: where.line ?? null };
}

function hintFor({ code, exitCode }: FailedError): string | null {
  return code === "build-failed" && exitCode !== undefined ? failedCommand : (hints[code] ?? null);
}
