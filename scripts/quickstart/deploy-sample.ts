// The quickstart's deployment: create the app, upload the sample, deploy it, follow it, ask for its page.
import { basename } from "node:path";
import colors from "picocolors";
import { SetupError } from "../setup/setup-error.ts";
import { print } from "../terminal.ts";
import type { AppAnswer } from "./api-client.ts";
import { ApiClient } from "./api-client.ts";
import { followDeployment, isFinal } from "./follow.ts";
import { packFolder } from "./pack.ts";
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

const pollMs = 5_000;
/** How much later than the API the stream may report the end. */
const streamLagMs = 15_000;

/** Deploys the sample; yields the app as it runs and its page. Throws SetupError with the reason when it does not come to that. */
export async function deploySample(sample: SampleDeployment): Promise<{ app: AppAnswer; page: string }> {
  const { appName, signal } = sample;
  const api = await ApiClient.connect(sample.apiUrl, sample.apiToken);
  const app = await ensureApp(api, appName);
  const archive = await packFolder(sample.folder);
  report("upload", `samples/${basename(sample.folder)}, ${archive.length} bytes`);
  const sourceUrl = await api.upload(archive);
  const { id } = await api.createDeployment(appName, sourceUrl, "quickstart");
  report("deploy", `deployment ${id}`);
  const status = await followToEnd(api, { appName, id, streamUrl: app.links.deployments_stream, signal });
  if (status !== "success") throw new SetupError(`The deployment ended with ${status}; its log is above.`);
  const running = (await api.findApp(appName)) ?? app;
  const page = await fetchPage(running.url, sample.routerUrl);
  report("page", `${running.url} answers: ${colors.bold(page.split("\n", 1)[0] ?? "")}`);
  return { app: running, page };
}

/** How a log line is shown: its own colors stay, headings and errors get some. */
function paintLine(content: string): string {
  if (content.startsWith("----->")) return colors.bold(colors.green(content));
  if (content.startsWith(" !     ")) return colors.red(content);
  return content;
}

async function ensureApp(api: ApiClient, name: string): Promise<AppAnswer> {
  const found = await api.findApp(name);
  report("app", found ? `${name} (there already)` : `${name} (new)`);
  return found ?? api.createApp(name);
}

async function followToEnd(
  api: ApiClient,
  { appName, id, streamUrl, signal }: { appName: string; id: string; streamUrl: string; signal: AbortSignal },
): Promise<string> {
  const silence = new AbortController();
  const watch = setInterval(() => void giveUpIfSilent(api, appName, id, silence), pollMs);
  try {
    return await followDeployment(
      { streamUrl, token: api.token, deploymentId: id, signal: AbortSignal.any([signal, silence.signal]) },
      {
        onLine: (content) => print(paintLine(content)),
        onStatus: (status) =>
          report("status", isFinal(status) && status !== "success" ? colors.red(status) : status),
      },
    );
  } finally {
    clearInterval(watch);
  }
}

/** A stream that misses the end would be waited for without end, so the API is asked beside it. */
async function giveUpIfSilent(
  api: ApiClient,
  appName: string,
  id: string,
  silence: AbortController,
): Promise<void> {
  try {
    const { status } = await api.deployment(appName, id);
    if (!isFinal(status)) return;
    const error = new SetupError(
      `The API says ${status}, the stream did not report the end of the deployment.`,
    );
    setTimeout(() => silence.abort(error), streamLagMs).unref();
  } catch (error) {
    silence.abort(error);
  }
}

function report(name: string, text: string): void {
  print(`${colors.cyan(name.padEnd(10))}${text}`);
}
