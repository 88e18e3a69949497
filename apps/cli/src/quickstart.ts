// npm run quickstart: sets up Slipway, starts it, deploys a sample app and shows the progress.

import { join, relative } from "node:path";
import { retry } from "@slipway/async";
import {
  adminTokenFile,
  checkPorts,
  claimRunning,
  findRunning,
  inheritedEnvironment,
  print,
  readConfig,
  readText,
  repositoryRoot,
  runCommand,
  linePrinter,
  setup,
  SetupError,
  startApps,
  stopOrphans,
  takesOnly,
  urls,
} from "@slipway/setup";
import type { RunningSlipway, SetupConfig } from "@slipway/setup";
import { ApiClient } from "./client/api-client.ts";
import { deploySample } from "./quickstart/deploy-sample.ts";
import { nextSteps } from "./quickstart/next-steps.ts";

type Addresses = Pick<RunningSlipway, "apiUrl" | "routerUrl">;

const appName = "hello";
const sampleFolder = join(repositoryRoot, "samples", "hello-node");
const runningWaitMs = 120_000;
const pollMs = 500;

const printLine = linePrinter(process.stdout);

await runCommand(async () => {
  const once = takesOnly("quickstart", ["--once"]).includes("--once");
  const config = readConfig();
  const running = await findRunning(config.dataDir);
  return running ? useRunning(config, running) : runOwn(config, once);
});

async function useRunning(config: SetupConfig, running: RunningSlipway): Promise<number> {
  printLine(`apps      using the running Slipway (process ${running.pid}, ${running.apiUrl})`);
  const apiToken = config.bootstrapToken ?? (await readText(adminTokenFile(config.dataDir)));
  if (apiToken === undefined)
    throw new SetupError(
      "The running Slipway has no admin token in its data directory: set BOOTSTRAP_TOKEN to the token it was started with.",
    );
  await waitForApi(running.apiUrl, apiToken);
  const { app } = await deploySample({
    ...sample(running, apiToken),
    signal: new AbortController().signal,
  });
  print(nextSteps({ apiUrl: running.apiUrl, appUrl: app.url, appName, tokenSource: tokenSource(config) }));
  return 0;
}

async function runOwn(config: SetupConfig, once: boolean): Promise<number> {
  await using _running = await claimRunning(config);
  await stopOrphans(config.dataDir, config.graceMs, printLine);
  await checkPorts(config);
  const environment = inheritedEnvironment(await setup({ config, printLine }));
  const logFolder = join(config.dataDir, "logs");
  await using apps = await startApps(environment, {
    printLine,
    logFolder,
    logFormat: "json",
    obeySignals: true,
  });
  const addresses = urls(config);
  const stopped = apps.ended.then((code) => {
    throw new SetupError(
      code === 0
        ? "Slipway was stopped before the sample was deployed."
        : `Slipway stopped unexpectedly: see its logs in ${logFolder}.`,
    );
  });
  const { app } = await Promise.race([
    deployUntilStopped(addresses, environment.BOOTSTRAP_TOKEN, stopped),
    stopped,
  ]);
  const { apiUrl } = addresses;
  print(nextSteps({ apiUrl, appUrl: app.url, appName, tokenSource: tokenSource(config), logFolder }));
  if (once) return 0;
  print("Slipway keeps running: Ctrl-C stops it.");
  return await apps.ended;
}

/** Deploys the sample. Stops following its log when the apps stop first. */
async function deployUntilStopped(addresses: Addresses, apiToken: string, stopped: Promise<never>) {
  const abort = new AbortController();
  stopped.catch((error: unknown) => abort.abort(error));
  return deploySample({ ...sample(addresses, apiToken), signal: abort.signal });
}

function sample({ apiUrl, routerUrl }: Addresses, apiToken: string) {
  return { apiUrl, routerUrl, apiToken, appName, folder: sampleFolder };
}

/** Waits until the API answers: another command may still be setting Slipway up. */
async function waitForApi(apiUrl: string, apiToken: string): Promise<void> {
  const options = { limitMs: runningWaitMs, isRetryable: () => true, pauseMs: () => pollMs };
  await retry(() => ApiClient.connect(apiUrl, apiToken), options);
}

/** A shell command that prints the admin token. */
function tokenSource(config: SetupConfig): string {
  return config.bootstrapToken === undefined
    ? `cat ${relative(repositoryRoot, adminTokenFile(config.dataDir))}`
    : "printenv BOOTSTRAP_TOKEN";
}
