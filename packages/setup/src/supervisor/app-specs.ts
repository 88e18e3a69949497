// Lists the processes of Slipway and their environments.

import { join } from "node:path";
import type { AppEnvironment } from "../environment.ts";

export interface AppSpec {
  /** api, stream, router, worker-1, worker-2… */
  name: string;
  /** The program, relative to the repository. */
  script: string;
  /** Options of Node.js itself. */
  nodeOptions?: readonly string[];
  environment: Record<string, string>;
}

/**
 * A worker passes on hundreds of megabytes in small buffers. Node.js frees them in collections of its young generation, which are
 * frequent only when that is small, and in a thread that waits for a CPU on a busy machine.
 */
const workerNodeOptions = ["--max-semi-space-size=1", "--no-concurrent-array-buffer-sweeping"];
/** glibc returns buffers of this size to the system when they are freed; otherwise it raises its threshold and keeps them. */
const workerMallocOptions = { MALLOC_MMAP_THRESHOLD_: "65536" };

/** The processes to run for `environment`: one API, one stream, one router and WORKERS workers. */
export function appSpecs(
  environment: Readonly<Record<string, string>> & Pick<AppEnvironment, "WORKERS" | "DATA_DIR">,
  logFormat: "pretty" | "json",
): AppSpec[] {
  const workers = Array.from({ length: Number(environment.WORKERS) }, (_, index) => `worker-${index + 1}`);
  return ["api", "stream", "router", ...workers].map((name) => ({
    name,
    script: `apps/${name.replace(/-\d+$/, "")}/src/main.ts`,
    nodeOptions: workers.includes(name) ? workerNodeOptions : [],
    environment: {
      ...environment,
      ...(workers.includes(name) ? workerMallocOptions : {}),
      SERVICE_NAME: name,
      LOG_FORMAT: logFormat,
      // Node caches the compiled code, which makes a warm start a second shorter
      NODE_COMPILE_CACHE: join(environment.DATA_DIR, "compile-cache"),
    },
  }));
}
