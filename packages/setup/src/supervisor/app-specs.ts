// Lists the processes of Slipway and their environments.

import type { AppEnvironment } from "../environment.ts";
import { compileCache } from "./shared-files.ts";
import type { AppKind, ProcessUser } from "./process-user.ts";
import { variablesFor } from "./process-variables.ts";

export interface AppSpec {
  /** api, stream, router, worker-1, worker-2… */
  name: string;
  kind: AppKind;
  /** The program, relative to the repository. */
  script: string;
  /** Options of Node.js itself. */
  nodeOptions?: readonly string[];
  /** Whether it gets this machine's credentials for the engine: certificates and the SSH agent. */
  usesEngine?: boolean;
  /** Set when the supervisor runs as root: the program that changes the user, and the user, unless the process keeps root. */
  runAs?: { setpriv: string; user?: ProcessUser };
  environment: Record<string, string>;
}

/**
 * A worker passes on hundreds of megabytes in small buffers. Node.js frees them in collections of its young generation, which are
 * frequent only when that is small, and in a thread that waits for a CPU on a busy machine. Its heap stays small if V8 prefers memory
 * to speed, which costs little: the work of a worker is done by engines, zlib and Redis. V8's small compilers are sufficient:
 * Turbofan takes 5 MB, and Maglev takes up to 25 MB for a moment when it inlines calls, or compiles several functions at a time.
 */
const workerNodeOptions = [
  "--max-semi-space-size=1",
  "--memory-saver-mode",
  "--no-concurrent-array-buffer-sweeping",
  "--no-turbofan",
  "--no-maglev-inlining",
  "--no-concurrent-recompilation",
];
/**
 * glibc returns buffers of at least this size to the system when they are freed; otherwise it raises its threshold and keeps them. It is
 * below the 32 KiB of archive chunks. The threads share one arena, because an arena keeps the memory that it once had.
 */
const workerMallocOptions = { MALLOC_MMAP_THRESHOLD_: "16384", MALLOC_ARENA_MAX: "1" };

/**
 * Data of a request does not outlive it for long, so V8 collects a small young generation as fast as the default one, which takes 100 MB
 * more under load.
 */
const routerNodeOptions = ["--max-semi-space-size=4"];
/**
 * A router allocates a buffer for each read of a response, and a thread of V8 frees it. glibc keeps freed memory: after many responses of
 * 100 kB it kept 95 MB with an arena per thread, 31 MB with one. It returns memory above 8 MiB if that threshold is set; otherwise it
 * raises its own threshold.
 */
const routerMallocOptions = { MALLOC_ARENA_MAX: "1", MALLOC_TRIM_THRESHOLD_: String(8 * 1024 * 1024) };
const nodeOptions: Readonly<Partial<Record<AppKind, readonly string[]>>> = {
  router: routerNodeOptions,
  worker: workerNodeOptions,
};
const mallocOptions: Readonly<Partial<Record<AppKind, Readonly<Record<string, string>>>>> = {
  router: routerMallocOptions,
  worker: workerMallocOptions,
};

/**
 * The processes to run for `environment`: one API, one stream, one router and WORKERS workers. Each gets only the settings that it
 * reads, so that no process has another's secrets.
 */
export function appSpecs(
  environment: Readonly<Record<string, string | undefined>> & Pick<AppEnvironment, "WORKERS" | "DATA_DIR">,
  logFormat: "pretty" | "json",
): AppSpec[] {
  const workers = Array.from({ length: Number(environment.WORKERS) }, (_, index) => ({
    name: `worker-${index + 1}`,
    kind: "worker" as const,
  }));
  const others = (["api", "stream", "router"] as const).map((kind) => ({ name: kind, kind }));
  return [...others, ...workers].map(({ name, kind }, index) => ({
    name,
    kind,
    script: `apps/${kind}/src/main.ts`,
    nodeOptions: nodeOptions[kind] ?? [],
    usesEngine: kind === "worker",
    environment: {
      // At the default level it would print several lines per page request.
      ...(kind === "api" ? { ACCESS_LOG_LEVEL: "debug" } : {}),
      ...variablesFor(kind, environment),
      ...metricsPort(environment, index),
      ...mallocOptions[kind],
      SERVICE_NAME: name,
      LOG_FORMAT: logFormat,
      // Node caches the compiled code, which makes a warm start a second faster.
      NODE_COMPILE_CACHE: compileCache(environment.DATA_DIR),
    },
  }));
}

/** The processes share an address, so each one serves its metrics on its own port, counted from METRICS_PORT. */
function metricsPort(
  environment: Readonly<Record<string, string | undefined>>,
  index: number,
): { METRICS_PORT?: string } {
  const first = environment["METRICS_PORT"];
  return first === undefined || first === "" ? {} : { METRICS_PORT: String(Number(first) + index) };
}
