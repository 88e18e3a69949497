// Starts a complete Slipway once for all scenarios: API, stream and two workers as processes, on real services.

import { mkdir, writeFile } from "node:fs/promises";
import type { TestProject } from "vitest/node";
import { readOwnConfig, setup, startApps } from "@slipway/setup";
import type { AppEnvironment } from "@slipway/setup";
import { freePort, startTraceCollector } from "@slipway/testkit";

declare module "vitest" {
  interface ProvidedContext {
    /** The environment from set-up, for tests that start their own processes. */
    environment: AppEnvironment;
    apiUrl: string;
    adminToken: string;
    /** The port on which a test may receive webhooks. */
    hookPort: number;
    /** The port on which a test may serve buildpacks. */
    buildpackPort: number;
    /** The ports on which a test may serve images. */
    imagePorts: readonly [number, number];
    /** The port of the tests' GitHub server. */
    githubPort: number;
    /** The collector that receives the processes' traces: `GET /traces/ID` returns the spans of one trace. */
    collectorUrl: string;
    /** The folder of the processes' logs, with a file for each process. */
    logFolder: string;
    /** Name of the builder image for apps of Cloud Native Buildpacks. The test creates the image. */
    cnbBuilder: string;
    /** The registry, and the references in it of the images for releases and builds. */
    stack: { registryUrl: string; run: string; build: string };
  }
}

/** Short, so that an app that never listens fails soon. On a busy machine, starting pnpm or FastAPI takes most of this time. */
const bootTimeoutMs = 30_000;

export default async function startInstallation(project: TestProject): Promise<() => Promise<void>> {
  return startProcesses(await ensureServices(), project);
}

/** Sets up the scenarios' services, which are kept between runs. */
export function ensureServices(): Promise<AppEnvironment> {
  return setup({ config: readOwnConfig("test"), printLine });
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
      // All apps of the scenarios have the same owner, and some need both slots.
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
      // Releases of this stack run on the build image, which differs from the default stack's run image.
      STACKS: `second=${environment.STACK_BUILD_IMAGE}+${environment.STACK_BUILD_IMAGE}`,
      GRACE_MS: "10000",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    },
    { printLine, logFolder, logFormat: "json", obeySignals: false },
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

/** The catalogue of buildpacks by name, from the buildpack test's server. */
function catalogueAt(base: string): string {
  return `[words]
url = "${base}/words.tgz"
detects = ["*.words"]

[words-of-second]
url = "${base}/words.tgz"
stacks = ["second"]
`;
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
