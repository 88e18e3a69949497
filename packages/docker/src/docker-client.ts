// Loads the Docker client without its libraries for SSH connections and build sessions, which Slipway does not use. They take 4 MB of
// memory in each process.

import { createRequire, registerHooks } from "node:module";
import type Docker from "dockerode";

const unused: ReadonlySet<string> = new Set(["@grpc/grpc-js", "@grpc/proto-loader", "./ssh"]);
const client = /\/node_modules\/(dockerode|docker-modem)\//;

/** A module that every process has loaded. */
const placeholder = "node:path";

/** The class of the Docker client. */
export const DockerClient: typeof Docker = load();

function load(): typeof Docker {
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      unused.has(specifier) && client.test(context.parentURL ?? "")
        ? { url: placeholder, format: "builtin", shortCircuit: true }
        : next(specifier, context),
  });
  try {
    return createRequire(import.meta.url)("dockerode") as typeof Docker;
  } finally {
    hooks.deregister();
  }
}
