// Measures calls to the services on which Slipway depends.

import { toSlipwayError } from "@slipway/core";
import type { ErrorCode, Store } from "@slipway/core";
import { isMeasured, recorder } from "./instruments.ts";
import { beginCall, isTraced } from "./spans.ts";

export type Dependency = "engine" | "redis" | "registry" | "store";

/** Error codes of calls that the caller ended: their durations are meaningless for the service. */
const endedByCaller: ReadonlySet<ErrorCode> = new Set(["aborted", "lease-lost", "requeued"]);

const durations = {
  engine: recordersOf("engine"),
  redis: recordersOf("redis"),
  registry: recordersOf("registry"),
  store: recordersOf("store"),
} as const satisfies Readonly<Record<Dependency, unknown>>;

/**
 * Runs a call, records its duration, and adds its span to the trace of the calling phase.
 * @param action the service's action, for example "create a container". Calls without it have no spans.
 * @throws the call's error.
 */
export function measured<Result>(
  dependency: Dependency,
  call: () => Promise<Result>,
  action?: string,
): Promise<Result> {
  const running = begin(dependency, action);
  const result = begun(call);
  return running === null ? result : ended(running, result);
}

/** @returns the store with every call measured and traced; the unchanged store while neither metrics nor traces are open. */
export function measuredStore(store: Store): Store {
  if (!isMeasured() && !isTraced()) return store;
  return withEach(store, (part, name) =>
    typeof part === "object" && part !== null
      ? withEach(part, (member, method) => measuredMember(member, method, `${String(name)}.`))
      : measuredMember(part, name),
  );
}

/** A call that is being measured. */
interface Running {
  readonly dependency: Dependency;
  readonly startedAt: number;
  readonly endSpan: ReturnType<typeof beginCall>;
}

/** @returns null for a call that is not reported. */
function begin(dependency: Dependency, action: string | undefined): Running | null {
  const endSpan = action === undefined ? null : beginCall(dependency, action);
  if (!isMeasured() && endSpan === null) return null;
  return { dependency, startedAt: performance.now(), endSpan };
}

/** A call that throws synchronously fails like any other. */
function begun<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return call();
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Reports the call after its end. Does not use `await`, which would create another promise. */
function ended<Result>(running: Running, result: Promise<Result>): Promise<Result> {
  const { dependency, startedAt, endSpan } = running;
  return result.then(
    (value) => {
      durations[dependency].responded((performance.now() - startedAt) / 1e3);
      endSpan?.(null);
      return value;
    },
    (error: unknown) => {
      const { code } = toSlipwayError(error);
      const outcome = isUnavailable(dependency, error) ? "unavailable" : "responded";
      if (!endedByCaller.has(code)) durations[dependency][outcome]((performance.now() - startedAt) / 1e3);
      endSpan?.(code);
      throw error;
    },
  );
}

function recordersOf(dependency: Dependency) {
  const of = (outcome: "responded" | "unavailable") =>
    recorder("slipway_dependency_call_duration_seconds", { dependency, outcome });
  return { responded: of("responded"), unavailable: of("unavailable") };
}

type Call = (...args: readonly unknown[]) => Promise<unknown>;

/** Every method of the port returns a promise. Disposal is not measured. */
function measuredMember(member: unknown, name: string | symbol, prefix = ""): unknown {
  if (typeof member !== "function" || typeof name === "symbol") return member;
  const call = member as Call;
  const action = `${prefix}${name}`;
  return (...args: readonly unknown[]) => {
    const running = begin("store", action);
    const result = call(...args);
    return running === null ? result : ended(running, result);
  };
}

/** @returns a copy with changed members, because reading a property is faster than a Proxy. */
function withEach<Whole extends object>(
  whole: Whole,
  change: (member: unknown, name: string | symbol) => unknown,
): Whole {
  const names = Reflect.ownKeys(whole);
  return Object.fromEntries(names.map((name) => [name, change(Reflect.get(whole, name), name)])) as Whole;
}

function isUnavailable(dependency: Dependency, error: unknown): boolean {
  // Only a ReplyError is a response of Redis; with any other error of its client there was none.
  if (dependency === "redis") return !(error instanceof Error && error.name === "ReplyError");
  const { code, cause } = toSlipwayError(error);
  return code === `${dependency}-unavailable` && !isRefusal(cause);
}

/** Whether the service responded with a status that is not its own failure, such as 404. */
function isRefusal(cause: unknown): boolean {
  if (typeof cause !== "object" || cause === null) return false;
  const { status, statusCode = status } = cause as { status?: unknown; statusCode?: unknown };
  return typeof statusCode === "number" && statusCode < 500;
}
