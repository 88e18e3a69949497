// How a page of the console loads in Chromium, by the measures that Lighthouse uses, on a fast computer and on a phone as Lighthouse
// simulates one. https://developer.chrome.com/docs/lighthouse/performance/performance-scoring

import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { median } from "../measure.ts";

/** Values in milliseconds; `layoutShift` is a score. */
export interface PageLoad {
  readonly firstPaint: number;
  readonly largestPaint: number;
  readonly blocked: number;
  readonly layoutShift: number;
}

export interface LoadOptions {
  readonly url: string;
  /** A text that the page contains once it is complete. */
  readonly text: string;
  readonly device: Device;
  readonly storage: BrowserContextOptions["storageState"];
}

type Device = "computer" | "phone";

const rounds = 5;
/** Wait after the page is complete, because paints and shifts are reported late. */
const settleMs = 1_000;
const viewports = { computer: { width: 1_350, height: 940 }, phone: { width: 412, height: 823 } } as const;
/** Lighthouse's slow 4G connection and its CPU slowdown. */
const phoneNetwork = {
  offline: false,
  latency: 150,
  downloadThroughput: (1.6 * 1024 ** 2) / 8,
  uploadThroughput: (750 * 1024) / 8,
};
const phoneSlowdown = 4;

/** For each task longer than 50 ms after the first paint, the time beyond 50 ms counts as blocked. */
const observers = `
  window.load = { paint: 0, largest: 0, shift: 0, tasks: [] };
  const observe = (type, note) =>
    new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
  observe("paint", ({ name, startTime }) => name === "first-contentful-paint" && (load.paint = startTime));
  observe("largest-contentful-paint", ({ startTime }) => (load.largest = startTime));
  observe("layout-shift", ({ value, hadRecentInput }) => hadRecentInput || (load.shift += value));
  observe("longtask", ({ startTime, duration }) => load.tasks.push([startTime, duration]));
`;

/** @returns the median of each measure over five loads, each with an empty cache. */
export async function measureLoads(browser: Browser, options: LoadOptions): Promise<PageLoad> {
  const loads: PageLoad[] = [];
  for (let round = 0; round < rounds; round += 1) loads.push(await loadOnce(browser, options));
  const middle = (of: (load: PageLoad) => number) => median(loads.map(of));
  return {
    firstPaint: middle(({ firstPaint }) => firstPaint),
    largestPaint: middle(({ largestPaint }) => largestPaint),
    blocked: middle(({ blocked }) => blocked),
    layoutShift: middle(({ layoutShift }) => layoutShift),
  };
}

async function loadOnce(browser: Browser, { url, text, device, storage }: LoadOptions): Promise<PageLoad> {
  await using context = await browser.newContext({
    viewport: viewports[device],
    ...(storage === undefined ? {} : { storageState: storage }),
  });
  await context.addInitScript(observers);
  const page = await context.newPage();
  if (device === "phone") await slowDown(page);
  await page.goto(url);
  await page.getByText(text).first().waitFor();
  await page.waitForTimeout(settleMs);
  return await page.evaluate<PageLoad>(`({
    firstPaint: load.paint,
    largestPaint: load.largest,
    blocked: load.tasks
      .filter(([start]) => start >= load.paint)
      .reduce((sum, [, duration]) => sum + duration - 50, 0),
    layoutShift: load.shift,
  })`);
}

async function slowDown(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.emulateNetworkConditions", phoneNetwork);
  await session.send("Emulation.setCPUThrottlingRate", { rate: phoneSlowdown });
}
