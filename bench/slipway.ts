// A running Slipway with one worker for benchmarks of whole deployments, and the engine for comparisons.

import Docker from "dockerode";
import { label } from "@slipway/core";
import { freePort } from "@slipway/testkit";
import { ApiClient, followDeployment } from "@slipway/cli/quickstart";
import type { AppBody } from "@slipway/protocol";
import { readOwnConfig, runningProcess, setup, startApps } from "@slipway/setup";

export type BenchApp = AppBody;
export type BenchEnvironment = Awaited<ReturnType<typeof setUpServices>>;

export interface BenchSlipway extends AsyncDisposable {
  readonly environment: BenchEnvironment;
  readonly api: ApiClient;
  readonly routerPort: number;
  readonly docker: Docker;
  /** Labels by which `npm run bench` and `npm run down` find the leftovers of a killed run. */
  readonly labels: Readonly<Record<string, string>>;
  findOrCreateApp(name: string): Promise<BenchApp>;
  removeApp(name: string): Promise<void>;
  setVariable(app: BenchApp, name: string, value: string): Promise<void>;
  workerPid(): Promise<number>;
}

export interface Following {
  readonly onLine?: (line: string) => void;
  readonly onStatus?: (status: string) => void;
}

const followMs = 600_000;

/** Provides Redis, registry and stack image. @returns the environment for `startSlipway`. */
export async function setUpServices() {
  return await setup({ config: readOwnConfig("bench") });
}

/** EGRESS from the shell's environment is passed to the worker, to compare runs with and without the egress guard. */
export async function startSlipway(given: BenchEnvironment): Promise<BenchSlipway> {
  const { EGRESS: egress } = process.env;
  const [apiPort, streamPort, routerPort] = [await freePort(), await freePort(), await freePort()];
  const environment = {
    ...given,
    API_PORT: String(apiPort),
    STREAM_PORT: String(streamPort),
    ROUTER_PORT: String(routerPort),
    WORKERS: "1",
    ...(egress === undefined ? {} : { EGRESS: egress }),
  };
  const supervisor = await startApps(environment, {
    printLine: () => {},
    logFolder: `${environment.DATA_DIR}/logs`,
    logFormat: "json",
    obeySignals: false,
  });
  const apiUrl = `http://127.0.0.1:${apiPort}`;
  const api = await ApiClient.connect(apiUrl, environment.BOOTSTRAP_TOKEN);
  return {
    environment,
    api,
    routerPort,
    docker: new Docker(),
    labels: { [label.installation]: environment.INSTALLATION_ID },
    findOrCreateApp: async (name) => (await api.findApp(name)) ?? (await api.createApp(name)),
    removeApp: (name) => removeApp(apiUrl, api.token, name),
    setVariable: (app, name, value) => setVariable(api, app, { name, value }),
    workerPid: () => workerPid(environment.DATA_DIR),
    [Symbol.asyncDispose]: () => supervisor.stop(),
  };
}

/** Follows a deployment to its end. @throws an error with its log when it does not succeed. */
export async function followToSuccess(
  { api }: BenchSlipway,
  { app, deploymentId }: { readonly app: BenchApp; readonly deploymentId: string },
  { onLine, onStatus }: Following = {},
): Promise<void> {
  const lines: string[] = [];
  const status = await followDeployment(
    { api, app, deploymentId, signal: AbortSignal.timeout(followMs) },
    {
      onLine: (line) => {
        lines.push(line);
        onLine?.(line);
      },
      onStatus: (now) => onStatus?.(now),
      onProblem: (problem) => lines.push(problem),
    },
  );
  if (status !== "success")
    throw new Error(`A deployment of ${app.name} ended with ${status}:\n${lines.slice(-40).join("\n")}`);
}

async function setVariable(
  api: ApiClient,
  { name: app }: BenchApp,
  variable: { readonly name: string; readonly value: string },
): Promise<void> {
  const response = await api.request("PUT", `/apps/${app}/variables`, { variables: [variable] });
  if (!response.ok)
    throw new Error(
      `The API answered a change of ${variable.name} of ${app} with ${response.status}: ${await response.text()}`,
    );
}

async function removeApp(apiUrl: string, token: string, name: string): Promise<void> {
  const response = await fetch(`${apiUrl}/v1/apps/${name}?current_name=${name}`, {
    method: "DELETE",
    headers: { authorization: `Bearer ${token}` },
  });
  if (!response.ok)
    throw new Error(
      `The API answered the deletion of ${name} with ${response.status}: ${await response.text()}`,
    );
}

async function workerPid(dataDir: string): Promise<number> {
  const worker = await runningProcess(dataDir, "worker-1");
  if (worker === undefined) throw new Error(`No worker runs: see ${dataDir}/logs/worker-1.log.`);
  return worker.pid;
}
