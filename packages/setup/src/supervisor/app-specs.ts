// Lists the processes of Slipway and their environments.

import { join } from "node:path";
import type { AppEnvironment } from "../environment.ts";

export interface AppSpec {
  /** api, stream, router, worker-1, worker-2… */
  name: string;
  /** The program, relative to the repository. */
  script: string;
  environment: Record<string, string>;
}

/** The processes to run for `environment`: one API, one stream, one router and WORKERS workers. */
export function appSpecs(
  environment: Readonly<Record<string, string>> & Pick<AppEnvironment, "WORKERS" | "DATA_DIR">,
  logFormat: "pretty" | "json",
): AppSpec[] {
  const workers = Array.from({ length: Number(environment.WORKERS) }, (_, index) => `worker-${index + 1}`);
  return ["api", "stream", "router", ...workers].map((name) => ({
    name,
    script: `apps/${name.replace(/-\d+$/, "")}/src/main.ts`,
    environment: {
      ...environment,
      SERVICE_NAME: name,
      LOG_FORMAT: logFormat,
      // Node caches the compiled code, which makes a warm start a second shorter
      NODE_COMPILE_CACHE: join(environment.DATA_DIR, "compile-cache"),
    },
  }));
}
