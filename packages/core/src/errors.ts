// The catalog of errors: each code, whether the user or the platform is at fault, and whether a retry may help.

interface ErrorKind {
  /** A user's error is final and shown to the user; a platform error is retried, if possible on another worker. */
  readonly fault: "user" | "platform";
  readonly retryable: boolean;
}

const user = { fault: "user", retryable: false } as const satisfies ErrorKind;
const platform = { fault: "platform", retryable: true } as const satisfies ErrorKind;

/** All error codes. docs/errors.md explains them to users. */
export const errorCatalog = {
  // Requests
  unauthorized: user,
  forbidden: user,
  "not-found": user,
  invalid: user,
  conflict: user,
  "too-large": user,
  expired: user,
  "too-many-requests": user,
  "quota-exceeded": user,
  // Deployments: the source and the build
  "source-unreachable": user,
  "archive-invalid": user,
  "archive-too-large": user,
  "no-buildpack": user,
  "build-failed": user,
  "build-timeout": user,
  "build-out-of-memory": user,
  "build-disk-full": user,
  "image-too-large": user,
  "no-web-process": user,
  // Deployments: the start
  "app-crashed": user,
  "boot-timeout": user,
  "hook-failed": user,
  // Deployments: ended or interrupted without a failure
  aborted: user,
  "lease-lost": { fault: "platform", retryable: false },
  requeued: { fault: "platform", retryable: true },
  // The platform's own components
  "engine-unavailable": platform,
  "engine-refused": platform,
  "registry-unavailable": platform,
  "toolchain-unavailable": platform,
  "store-unavailable": platform,
  "queue-unavailable": platform,
  "configuration-invalid": { fault: "platform", retryable: false },
  internal: platform,
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorCatalog;

export interface ErrorDetails {
  readonly cause?: unknown;
  /** Exit code of a command whose output contains the reason for the failure. */
  readonly exitCode?: number;
  /** Advice that is more exact than the general hint for the error's code. */
  readonly hint?: string;
  /** For "not-found", the kind of resource: `app`, `deployment`… */
  readonly resource?: string;
  /** For "invalid", messages by field. */
  readonly fields?: Readonly<Record<string, readonly string[]>>;
}

/** The only error class that Slipway throws deliberately. `message` is written for the user or operator who reads it. */
export class SlipwayError extends Error {
  override readonly name = "SlipwayError";
  readonly code: ErrorCode;
  readonly exitCode: number | undefined;
  readonly hint: string | undefined;
  readonly resource: string | undefined;
  readonly fields: Readonly<Record<string, readonly string[]>> | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.exitCode = details.exitCode;
    this.hint = details.hint;
    this.resource = details.resource;
    this.fields = details.fields;
  }

  get fault(): "user" | "platform" {
    return errorCatalog[this.code].fault;
  }

  get retryable(): boolean {
    return errorCatalog[this.code].retryable;
  }
}

/** Returns a SlipwayError unchanged, and wraps any other thrown value in one with the code "internal". */
export function toSlipwayError(thrown: unknown): SlipwayError {
  if (thrown instanceof SlipwayError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new SlipwayError("internal", message, { cause: thrown });
}

/** @returns a "not-found" error that names the resource, as the API's 404 body does. */
export function notFound(resource: string): SlipwayError {
  return new SlipwayError("not-found", `${resource} not found`, { resource });
}

/** @returns an "invalid" error with one message for one field. */
export function invalidField(field: string, message: string): SlipwayError {
  return new SlipwayError("invalid", `${field} ${message}`, { fields: { [field]: [message] } });
}
