// Starts the whole of Slipway once for all scenarios: api, stream and two workers as processes, on real services.

import { mkdir, writeFile } from "node:fs/promises";
import type { TestProject } from "vitest/node";
import { readOwnConfig, setup, startApps } from "@slipway/setup";
import type { AppEnvironment } from "@slipway/setup";
import { freePort, startTraceCollector } from "@slipway/testkit";

declare module "vitest" {
  interface ProvidedContext {
    /** What set-up provides, for a test that starts processes of its own. */
    environment: AppEnvironment;
    apiUrl: string;
    adminToken: string;
    /** The port on which a test may receive webhooks. */
    hookPort: number;
    /** The port on which a test may serve buildpacks. */
    buildpackPort: number;
    /** The ports on which a test may serve images. */
    imagePorts: readonly [number, number];
    /** The port of the tests' GitHub. */
    githubPort: number;
    /** The collector that the processes send traces to: `GET /traces/ID` returns the spans of one. */
    collectorUrl: string;
    /** The folder of the processes' logs, a file for each. */
    logFolder: string;
    /** Name of the builder image for apps of Cloud Native Buildpacks; the test makes it. */
    cnbBuilder: string;
    /** The registry, and the references in it of what releases run on and builds run in. */
    stack: { registryUrl: string; run: string; build: string };
  }
}

/** Short, so that an app that never listens fails soon. On a busy machine the start of pnpm or FastAPI takes most of it. */
const bootTimeoutMs = 30_000;

export default async function startInstallation(project: TestProject): Promise<() => Promise<void>> {
  return startProcesses(await ensureServices(), project);
}

/** Sets up the services that scenarios need, which are kept between runs. */
export function ensureServices(): Promise<AppEnvironment> {
  return setup({ config: readOwnConfig("test"), say });
}

/** Starts the processes and provides their addresses to the project's tests. @returns a function that stops them. */
export async function startProcesses(
  environment: AppEnvironment,
  project: TestProject,
): Promise<() => Promise<void>> {
  const [apiPort, streamPort, routerPort] = [await freePort(), await freePort(), await freePort()];
  const [hookPort, githubPort, buildpackPort] = [await freePort(), await freePort(), await freePort()];
  const imagePorts = [await freePort(), await freePort()] as const;
  const cnbBuilder = `slipway-test-builder:${environment.INSTALLATION_ID}`;
  const catalogue = `${environment.DATA_DIR}/buildpacks.toml`;
  await mkdir(environment.DATA_DIR, { recursive: true });
  await writeFile(catalogue, catalogueAt(`http://127.0.0.1:${buildpackPort}`));
  const logFolder = `${environment.DATA_DIR}/logs`;
  const collector = await startTraceCollector();
  const supervisor = await startApps(
    {
      ...environment,
      API_PORT: String(apiPort),
      STREAM_PORT: String(streamPort),
      ROUTER_PORT: String(routerPort),
      WORKERS: "2",
      CONCURRENCY: "1",
      // All apps of the scenarios are one owner's, and some need both slots.
      RESERVED_SLOTS: "0",
      BOOT_TIMEOUT_MS: String(bootTimeoutMs),
      STOP_GRACE_MS: "2000",
      ALLOWED_PRIVATE_HOSTS: [hookPort, buildpackPort, ...imagePorts]
        .map((port) => `127.0.0.1:${port}`)
        .join(" "),
      GITHUB_API_URL: `http://127.0.0.1:${githubPort}`,
      RELEASES_KEPT: "3",
      BUILDERS: "buildpacks cnb dockerfile image",
      BUILDPACKS: catalogue,
      CNB_BUILDER: cnbBuilder,
      // Its releases run on the image of builds, which differs from that of the default stack's.
      STACKS: `second=${environment.STACK_BUILD_IMAGE}+${environment.STACK_BUILD_IMAGE}`,
      GRACE_MS: "10000",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    },
    { say, logFolder, logFormat: "json", obeySignals: false },
  );
  project.provide("environment", environment);
  project.provide("apiUrl", `http://127.0.0.1:${apiPort}`);
  project.provide("adminToken", environment.BOOTSTRAP_TOKEN);
  const { REGISTRY_URL: registryUrl, STACK_IMAGE: run, STACK_BUILD_IMAGE: build } = environment;
  project.provide("stack", { registryUrl, run, build });
  project.provide("cnbBuilder", cnbBuilder);
  project.provide("hookPort", hookPort);
  project.provide("buildpackPort", buildpackPort);
  project.provide("imagePorts", imagePorts);
  project.provide("githubPort", githubPort);
  project.provide("logFolder", logFolder);
  project.provide("collectorUrl", collector.url);
  return async () => {
    await supervisor.stop();
    await collector[Symbol.asyncDispose]();
  };
}

/** Buildpacks by name, from the server of the test of buildpacks. */
function catalogueAt(base: string): string {
  return `[words]
url = "${base}/words.tgz"
detects = ["*.words"]

[words-of-second]
url = "${base}/words.tgz"
stacks = ["second"]
`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
