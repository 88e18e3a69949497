// The one catalogue of errors: what can go wrong, whose fault it is, and whether trying again may help.

interface ErrorKind {
  /** Whose fault: a user's error is final and explained; a platform's is retried on another worker. */
  readonly fault: "user" | "platform";
  readonly retryable: boolean;
}

const user = { fault: "user", retryable: false } as const satisfies ErrorKind;
const platform = { fault: "platform", retryable: true } as const satisfies ErrorKind;

/** Every error code there is. docs/errors.md explains each to the people who meet it. */
export const errorCatalogue = {
  // Requests
  unauthorized: user,
  forbidden: user,
  "not-found": user,
  invalid: user,
  conflict: user,
  "too-large": user,
  expired: user,
  "too-many-requests": user,
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
  // Ends that are no failure of the build
  aborted: user,
  "lease-lost": { fault: "platform", retryable: false },
  requeued: { fault: "platform", retryable: true },
  // The platform's own parts
  "engine-unavailable": platform,
  "engine-refused": platform,
  "registry-unavailable": platform,
  "store-unavailable": platform,
  "queue-unavailable": platform,
  "configuration-invalid": { fault: "platform", retryable: false },
  internal: platform,
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorCatalogue;

export interface ErrorDetails {
  readonly cause?: unknown;
  /** What was not found, for "not-found": `app`, `deployment`… */
  readonly resource?: string;
  /** What is wrong with which field, for "invalid". */
  readonly fields?: Readonly<Record<string, readonly string[]>>;
}

/** The only error thrown on purpose. `message` is written for the person who will read it. */
export class SlipwayError extends Error {
  override readonly name = "SlipwayError";
  readonly code: ErrorCode;
  readonly resource: string | undefined;
  readonly fields: Readonly<Record<string, readonly string[]>> | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.resource = details.resource;
    this.fields = details.fields;
  }

  get fault(): "user" | "platform" {
    return errorCatalogue[this.code].fault;
  }

  get retryable(): boolean {
    return errorCatalogue[this.code].retryable;
  }
}

/** Any thrown value as a SlipwayError; what is not one already is "internal", the platform's. */
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
