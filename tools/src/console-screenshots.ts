// Writes docs/console/*.png: the console's pages, light, dark and on a phone, with example data. Needs Chromium.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import type { Browser } from "playwright-core";
import { startTestApi } from "@slipway/api/test-support";
import { fillHistory, fillWithExamples, joinExampleWorkers } from "@slipway/api/test-support/example-data";
import { ensureConsole, print, repositoryRoot, runCommand } from "@slipway/setup";

const folder = join(repositoryRoot, "docs/console");
/** The first argument names another executable. */
const [executablePath = "/usr/bin/chromium"] = process.argv.slice(2);
const wide = { width: 1180, height: 720 };
const phone = { width: 390, height: 780 };

interface Shot {
  readonly name: string;
  readonly path: string;
  readonly viewport: typeof wide;
  readonly colorScheme: "light" | "dark";
  /** A text that the page contains once it is complete. */
  readonly text: string;
  readonly isLoggedIn: boolean;
}

await runCommand(async () => {
  await ensureConsole(print);
  await mkdir(folder, { recursive: true });
  await using api = await startTestApi();
  const { app, deployment } = await fillWithExamples(api.store, new Date());
  await fillHistory(api.service.context, new Date());
  await using _workers = await joinExampleWorkers(api.service.context, new Date());
  const browser = await chromium.launch({ executablePath, chromiumSandbox: false });
  try {
    for (const shot of shots(app, deployment)) await take(browser, api.url, api.operatorToken, shot);
  } finally {
    await browser.close();
  }
  return 0;
});

function shots(app: string, deployment: string): Shot[] {
  const pages = [
    { name: "login", path: "/", text: "Log in", isLoggedIn: false },
    { name: "apps", path: "/", text: "landing-page" },
    { name: "app", path: `/apps/${app}`, text: "v1.6.1" },
    { name: "deployment", path: `/apps/${app}/deployments/${deployment}`, text: "Restoring dependencies" },
    { name: "variables", path: `/apps/${app}/variables`, text: "DATABASE_URL" },
    { name: "containers", path: `/apps/${app}/containers`, text: "Containers of" },
    { name: "collaborators", path: `/apps/${app}/collaborators`, text: "grace@example.com" },
    { name: "notifiers", path: `/apps/${app}/notifiers`, text: "chat" },
    { name: "settings", path: `/apps/${app}/settings`, text: "Builder" },
    { name: "workers", path: "/operator/workers", text: "worker-2" },
    { name: "failures", path: "/operator/failures", text: "left-pad" },
    { name: "users", path: "/operator/users", text: "grace@example.com" },
    { name: "queue", path: "/operator/queue", text: "Queued work" },
  ];
  const looks = [
    { look: "light", viewport: wide, colorScheme: "light" },
    { look: "dark", viewport: wide, colorScheme: "dark" },
    { look: "phone", viewport: phone, colorScheme: "light" },
  ] as const;
  return pages.flatMap(({ name, path, text, isLoggedIn = true }) =>
    looks.map(({ look, viewport, colorScheme }) => ({
      name: `${name}-${look}`,
      path,
      text,
      isLoggedIn,
      viewport,
      colorScheme,
    })),
  );
}

async function take(browser: Browser, url: string, token: string, shot: Shot): Promise<void> {
  const { name, path, viewport, colorScheme, text, isLoggedIn } = shot;
  await using context = await browser.newContext({ viewport, colorScheme });
  const headers = { authorization: `Bearer ${token}`, "x-slipway-console": "1" };
  if (isLoggedIn) await context.request.post(`${url}/v1/session`, { headers });
  const page = await context.newPage();
  await page.goto(url + path);
  await page.getByText(text).first().waitFor();
  await page.screenshot({ path: join(folder, `${name}.png`) });
  print(`${name}.png`);
}
