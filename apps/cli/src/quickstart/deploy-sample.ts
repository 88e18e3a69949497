// Deploys the quickstart's sample: creates the app, uploads the source, follows the deployment and requests the page.

import { basename } from "node:path";
import colors from "picocolors";
import { isFinal } from "@slipway/core";
import type { AppBody } from "@slipway/protocol";
import { print, SetupError } from "@slipway/setup";
import { ApiClient } from "../client/api-client.ts";
import { followDeployment } from "../client/follow.ts";
import { packFolder } from "../client/pack.ts";
import { paintLine } from "../client/paint.ts";
import { fetchPage } from "./page.ts";

export interface SampleDeployment {
  apiUrl: string;
  routerUrl: string;
  apiToken: string;
  appName: string;
  /** The sample's folder. */
  folder: string;
  signal: AbortSignal;
}

/** Deploys the sample. Returns the running app and its page. Throws SetupError with the reason when the deployment fails. */
export async function deploySample(sample: SampleDeployment): Promise<{ app: AppBody; page: string }> {
  const { appName, signal } = sample;
  const api = await ApiClient.connect(sample.apiUrl, sample.apiToken);
  const app = await ensureApp(api, appName);
  const archive = await packFolder(sample.folder);
  report("upload", `samples/${basename(sample.folder)}, ${archive.length} bytes`);
  const sourceUrl = await api.upload(archive);
  const { id } = await api.createDeployment(appName, sourceUrl, "quickstart");
  report("deploy", `deployment ${id}`);
  const status = await followDeployment(
    { api, app, deploymentId: id, signal },
    {
      onLine: (content) => print(paintLine(content)),
      onStatus: (now) => report("status", isFinal(now) && now !== "success" ? colors.red(now) : now),
      onProblem: (text) => report("warning", text),
    },
  );
  if (status !== "success") throw new SetupError(`The deployment ended with ${status}; its log is above.`);
  const running = (await api.findApp(appName)) ?? app;
  const page = await fetchPage(running.url, sample.routerUrl);
  report("page", `${running.url} answers: ${colors.bold(page.split("\n", 1)[0] ?? "")}`);
  return { app: running, page };
}

async function ensureApp(api: ApiClient, name: string): Promise<AppBody> {
  const found = await api.findApp(name);
  report("app", found ? `${name} (exists)` : `${name} (new)`);
  return found ?? api.createApp(name);
}

function report(name: string, text: string): void {
  print(`${colors.cyan(name.padEnd(10))}${text}`);
}
