// Loads the Docker client without parts that Slipway does not use: its libraries for SSH connections and build sessions, which take 4 MB
// of memory in each process, and the debug text of each request.

import { createRequire, registerHooks } from "node:module";
import { inspect } from "node:util";
import type Docker from "dockerode";

const unused: ReadonlySet<string> = new Set(["@grpc/grpc-js", "@grpc/proto-loader", "./ssh"]);
const client = /\/node_modules\/(dockerode|docker-modem)\//;

/** A module that every process has already loaded. */
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
    const require = createRequire(import.meta.url);
    const loaded = require("dockerode") as typeof Docker;
    omitDebugText(createRequire(require.resolve("dockerode"))("docker-modem") as ModemClass);
    return loaded;
  } finally {
    hooks.deregister();
  }
}

/**
 * docker-modem formats the options of each request, including their agent and its sockets, even when its debug output is off, which takes
 * a quarter of a worker's CPU time. They are formatted as a short text instead.
 */
function omitDebugText({ prototype }: ModemClass): void {
  const { buildRequest } = prototype;
  Object.assign(prototype, {
    buildRequest(this: ModemClass["prototype"], options: RequestOptions, ...others: unknown[]): void {
      const value = () => `${options.method} ${options.path}`;
      Object.defineProperty(options, inspect.custom, { value, configurable: true });
      buildRequest.call(this, options, ...others);
    },
  });
}

type BuildRequest = (this: ModemClass["prototype"], options: RequestOptions, ...others: unknown[]) => void;

/** Members that docker-modem's types lack. */
interface ModemClass {
  readonly prototype: { readonly buildRequest: BuildRequest };
}

interface RequestOptions {
  readonly method: string;
  readonly path: string;
}
