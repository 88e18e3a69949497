// The console in Chromium: how its pages load, opening and scrolling a log of a million lines, and following a log at 1,000 lines a second.

import { randomUUID } from "node:crypto";
import { chromium } from "playwright-core";
import type { Page } from "playwright-core";
import { pause } from "@slipway/async";
import { startTestApi } from "@slipway/api/test-support";
import { changeStatus, claim } from "@slipway/core";
import type { App, Deployment } from "@slipway/core";
import { openLogWriter, secretsOf } from "@slipway/logs";
import { createLogger } from "@slipway/service";
import { ensureConsole } from "@slipway/setup";
import { readConfig, startStream } from "@slipway/stream";
import { aLogChunk, aNewDeployment, anApp, findBrowser, freePort } from "@slipway/testkit";
import { measureLoads } from "./console/page-loads.ts";
import { print } from "./measure.ts";

/** An event of Chromium's trace. Durations are in microseconds; `tdur` is CPU time. */
interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

const taskName = "ThreadControllerImpl::RunTask";
const million = 1_000_000;
const chunkLines = 5_000;
const scrolls = 200;
const followedPerSecond = 1_000;
const followSeconds = 20;
const frameMs = 16;
const ended = new Date(Date.now() - 3_600_000);
const signingKey = "0123456789abcdef".repeat(4);

await using opened = new AsyncDisposableStack();
await ensureConsole(() => undefined);
const streamPort = String(await freePort());
const api = opened.use(await startTestApi({ STREAM_PORT: streamPort, SIGNING_KEY: signingKey }));
const { databaseUrl, installationId } = api.config;
const stream = await startStream(
  readConfig({
    DATABASE_URL: databaseUrl,
    REDIS_URL: api.redis.url,
    INSTALLATION_ID: installationId,
    SIGNING_KEY: signingKey,
    STREAM_PORT: streamPort,
  }),
  createLogger({ name: "stream", level: "error" }),
);
opened.defer(() => stream.stop({ graceMs: 0 }));
const owner = await api.store.users.byUsername("admin");
if (owner === null) throw new Error("the operator admin does not exist");
const app: App = anApp({ name: "bench", ownerId: owner.id });
await api.store.apps.create(app);

const executablePath = await findBrowser();
if (executablePath === undefined) throw new Error("Chromium is missing: install it, or set CHROMIUM_PATH.");
const browser = opened.adopt(await chromium.launch({ executablePath, chromiumSandbox: false }), (one) =>
  one.close(),
);
const context = await browser.newContext({ viewport: { width: 1_280, height: 800 } });
const headers = { authorization: `Bearer ${api.operatorToken}`, "x-slipway-console": "1" };
await context.request.post(`${api.url}/v1/session`, { headers });
await context.addInitScript(`
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
  }).observe({ type: "longtask", buffered: true });
  new MutationObserver((_, observer) => {
    if (document.querySelector(".line") === null) return;
    window.firstLine = performance.now();
    observer.disconnect();
  }).observe(document, { childList: true, subtree: true });
`);

await measurePages();
await measureMillion();
await measureFollowing();

/** Measures the first page, and the page of a deployment with a short log. */
async function measurePages(): Promise<void> {
  const deployment = await newDeployment();
  await api.store.logs.append(
    aLogChunk({ deploymentId: deployment.id, lines: ["The page is complete"], at: ended }),
  );
  await end(claim(deployment, 1, { at: ended, lineCount: 0 }), 1);
  const storage = await context.storageState();
  const pages = [
    { name: "first page", url: `${api.url}/`, text: app.name },
    { name: "deployment", url: pageOf(deployment), text: "The page is complete" },
  ];
  for (const device of ["computer", "phone"] as const)
    for (const { name, url, text } of pages) {
      const load = await measureLoads(browser, { url, text, device, storage });
      const label = `${name}, ${device}`.padEnd(38);
      print(
        `${label}first paint ${msText(load.firstPaint)}, largest ${msText(load.largestPaint)}, blocked ${msText(load.blocked)}, layout shift ${load.layoutShift.toFixed(3)}`,
      );
    }
}

function msText(value: number): string {
  return `${value.toFixed(0)} ms`;
}

/** Measures the page of a deployment that ended an hour ago with a log of a million lines. */
async function measureMillion(): Promise<void> {
  const deployment = await newDeployment();
  for (let first = 1; first < million; first += chunkLines) {
    const lines = Array.from({ length: chunkLines }, (_, index) => lineOf(first + index));
    await api.store.logs.append(
      aLogChunk({ deploymentId: deployment.id, firstSeq: first, lines, at: ended }),
    );
  }
  await end(claim(deployment, 1, { at: ended, lineCount: 0 }), million);
  const page = await context.newPage();
  await page.goto(pageOf(deployment));
  await page.locator(`.lines[data-count="${million}"]`).waitFor({ timeout: 120_000 });
  print(`time to the first of ${million} lines    ${(await numberIn(page, "firstLine")).toFixed(0)} ms`);
  print(`time until all are read               ${(await numberIn(page, "performance.now()")).toFixed(0)} ms`);
  print(`longest task while they are read      ${await longestTask(page)}`);
  const jumping = await tracedTasks(page, () =>
    page.evaluate(`(async () => {
      const lines = document.querySelector(".lines");
      for (let step = 0; step <= ${scrolls}; step += 1) {
        lines.scrollTop = ((step % 2 === 0 ? step : ${scrolls} - step) / ${scrolls}) * lines.scrollHeight;
        await new Promise(requestAnimationFrame);
      }
    })()`),
  );
  print(`longest task in ${scrolls} jumps              ${jumping}`);
  print(`heap with ${million} lines              ${await heap(page)}`);
  await page.close();
}

/** Measures the page while it follows a running deployment that writes lines. */
async function measureFollowing(): Promise<void> {
  const queued = await newDeployment();
  const running = claim(queued, 1, { at: new Date(), lineCount: 0 });
  if (!(await api.store.deployments.compareAndSet(running))) throw new Error("the deployment was changed");
  const { redis, keys } = api.service.context;
  const subject = { appId: app.id, deploymentId: queued.id, attempt: 1, bus: { redis, keys } };
  const log = opened.use(
    await openLogWriter({ ...subject, store: api.store, secrets: secretsOf([]), now: () => new Date() }),
  );
  log.line("-----> Following");
  const page = await context.newPage();
  await page.goto(pageOf(queued));
  await page.locator(".line").first().waitFor();
  const following = await tracedTasks(page, async () => {
    const startedAt = performance.now();
    let written = 0;
    while (performance.now() - startedAt < followSeconds * 1_000) {
      const due = Math.floor(((performance.now() - startedAt) / 1_000) * followedPerSecond);
      for (; written < due; written += 1) log.line(lineOf(written));
      await pause(frameMs);
    }
    await page.locator(`.lines[data-count="${log.lastSeq}"]`).waitFor();
  });
  print(
    `longest task while following          ${following}, ${followedPerSecond} lines/s for ${followSeconds} s`,
  );
  print(`heap after following                  ${await heap(page)}`);
  await page.close();
}

async function newDeployment(): Promise<Deployment> {
  const wanted = aNewDeployment({ id: randomUUID(), appId: app.id, ownerId: app.ownerId, createdAt: ended });
  return api.store.deployments.create(wanted);
}

/** Stores the claimed deployment, and its failure with a log of this many lines. */
async function end(running: Deployment, lineCount: number): Promise<void> {
  const facts = { logLineCount: lineCount, logSha256: "" };
  const last = changeStatus(running, "build-error", { at: ended, lineCount, facts });
  for (const step of [running, last])
    if (!(await api.store.deployments.compareAndSet(step))) throw new Error("the deployment was changed");
}

function pageOf({ id }: Deployment): string {
  return `${api.url}/apps/${app.name}/deployments/${id}`;
}

/** Every thousandth line begins a section. */
function lineOf(number: number): string {
  if (number % 1_000 === 1) return `-----> Part ${number}`;
  return `       added package-${number}@1.2.${number % 20} from \u001b[32mhttps://registry.example.com/\u001b[0m`;
}

async function numberIn(page: Page, expression: string): Promise<number> {
  return Number(await page.evaluate(expression));
}

/** The longest task of at least 50 ms since the last call. */
async function longestTask(page: Page): Promise<string> {
  const ms = await numberIn(
    page,
    "(() => { const was = window.longest; window.longest = 0; return was; })()",
  );
  return ms === 0 ? "under 50 ms" : `${ms.toFixed(0)} ms`;
}

/**
 * The longest task of the page's main thread during the work, and the highest CPU time of a task: on a busy machine tasks wait for a CPU.
 */
async function tracedTasks(page: Page, work: () => Promise<unknown>): Promise<string> {
  await browser.startTracing(page, { categories: ["toplevel", "devtools.timeline"] });
  await work();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as {
    traceEvents: TraceEvent[];
  };
  const main = new Set(
    traceEvents.flatMap(({ name, args, pid, tid }) =>
      name === "thread_name" && args?.name === "CrRendererMain" ? [`${pid} ${tid}`] : [],
    ),
  );
  const tasks = traceEvents.filter(({ name, pid, tid }) => name === taskName && main.has(`${pid} ${tid}`));
  const longest = (of: (task: TraceEvent) => number) =>
    tasks.reduce((most, task) => Math.max(most, of(task) / 1_000), 0).toFixed(0);
  return `${longest(({ dur }) => dur ?? 0)} ms, of CPU time ${longest(({ tdur }) => tdur ?? 0)} ms, of ${tasks.length}`;
}

async function heap(page: Page): Promise<string> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  return `${(usedSize / 1e6).toFixed(0)} MB`;
}
