// Measures the calls of the services that Slipway depends on.

import { toSlipwayError } from "@slipway/core";
import type { ErrorCode, Store } from "@slipway/core";
import { isMeasured, record } from "./instruments.ts";
import { beginCall, isTraced } from "./spans.ts";

export type Dependency = "engine" | "redis" | "registry" | "store";

/** Codes of calls that the caller ended: their durations say nothing about the service. */
const endedByCaller: ReadonlySet<ErrorCode> = new Set(["aborted", "lease-lost", "requeued"]);

/**
 * Runs a call, records its duration, and adds its span to the trace of the phase that makes it.
 * @param action what the service does, for example "create a container". Calls without it have no spans.
 * @throws the call's error.
 */
export async function measured<Result>(
  dependency: Dependency,
  call: () => Promise<Result>,
  action?: string,
): Promise<Result> {
  const endSpan = action === undefined ? null : beginCall(dependency, action);
  if (!isMeasured() && endSpan === null) return call();
  const startedAt = performance.now();
  const end = (outcome: "responded" | "unavailable") =>
    record(
      "slipway_dependency_call_duration_seconds",
      { dependency, outcome },
      (performance.now() - startedAt) / 1e3,
    );
  try {
    const result = await call();
    end("responded");
    endSpan?.(null);
    return result;
  } catch (error) {
    const { code } = toSlipwayError(error);
    if (!endedByCaller.has(code)) end(isUnavailable(dependency, error) ? "unavailable" : "responded");
    endSpan?.(code);
    throw error;
  }
}

/** @returns the store with every call measured and traced; the store itself while neither metrics nor traces are open. */
export function measuredStore(store: Store): Store {
  if (!isMeasured() && !isTraced()) return store;
  return withEach(store, (part, name) =>
    typeof part === "object" && part !== null
      ? withEach(part, (member, method) => measuredMember(member, method, `${String(name)}.`))
      : measuredMember(part, name),
  );
}

type Call = (...args: readonly unknown[]) => Promise<unknown>;

/** Every method of the port returns a promise. Disposing is no call. */
function measuredMember(member: unknown, name: string | symbol, prefix = ""): unknown {
  if (typeof member !== "function" || typeof name === "symbol") return member;
  const call = member as Call;
  const action = `${prefix}${name}`;
  return (...args: readonly unknown[]) => measured("store", () => call(...args), action);
}

/** Changes each member when it is first read: callers compare members by identity. */
function withEach<Whole extends object>(
  whole: Whole,
  change: (member: unknown, name: string | symbol) => unknown,
): Whole {
  const changed = new Map<string | symbol, unknown>();
  return new Proxy(whole, {
    get: (target, name) => {
      if (!changed.has(name)) changed.set(name, change(Reflect.get(target, name), name));
      return changed.get(name);
    },
  });
}

function isUnavailable(dependency: Dependency, error: unknown): boolean {
  // A reply with an error is the only response of Redis that its client rejects with.
  if (dependency === "redis") return !(error instanceof Error && error.name === "ReplyError");
  const { code, cause } = toSlipwayError(error);
  return code === `${dependency}-unavailable` && !isRefusal(cause);
}

/** Whether the service responded with a status that is no failure of its own, such as 404. */
function isRefusal(cause: unknown): boolean {
  if (typeof cause !== "object" || cause === null) return false;
  const { status, statusCode = status } = cause as { status?: unknown; statusCode?: unknown };
  return typeof statusCode === "number" && statusCode < 500;
}
