// The queue dashboard and the API's description in a browser.

import { randomBytes } from "node:crypto";
import { chromium } from "playwright-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { queueNames } from "@slipway/queue";
import { findBrowser, lacksBrowser, packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "./apps.ts";
import { apiUrl, call, createApp, deployed } from "./slipway.ts";

/** The browser connects only to the page's own server. */
const launchFlags = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** The dashboard's page requests a web font, which its content security policy blocks. */
const refusedFont = "https://fonts.googleapis.com/";
const networkChanged = "net::ERR_NETWORK_CHANGED";
const maxTries = 5;

describe.skipIf(await lacksBrowser())("the dashboard in a browser", () => {
  let browser: Browser;

  beforeAll(async () => {
    const executablePath = (await findBrowser()) ?? "";
    browser = await chromium.launch({ executablePath, chromiumSandbox: false, args: launchFlags });
  });
  afterAll(() => browser.close());

  const signedIn = (password?: string): Promise<BrowserContext> =>
    browser.newContext(
      password === undefined ? {} : { httpCredentials: { username: "any", password, send: "unauthorized" } },
    );

  test("the dashboard requests a login, and refuses an invalid token", async () => {
    await using visitor = await signedIn();
    const visiting = (await visitor.newPage()).goto(apiUrl("/queues/"));
    await expect(visiting).rejects.toThrow("ERR_INVALID_AUTH_CREDENTIALS");

    await using wrong = await signedIn("tk-us-nobodys-token-0123456789");
    const page = await wrong.newPage();
    expect((await page.goto(apiUrl("/queues/")))?.status()).toBe(401);
    expect(await page.textContent("body")).toContain("operator's API token as the password");
  });

  test("the dashboard refuses a user that is not an operator", async () => {
    await using user = await signedIn(await newUsersToken());
    const page = await user.newPage();
    expect((await page.goto(apiUrl("/queues/")))?.status()).toBe(403);
    expect(await page.textContent("body")).toContain("only operators");
  });

  test("an operator sees every queue, and a deployment's job among the completed ones", async () => {
    const app = await createApp("board");
    const { deployment } = await deployed(
      app.name,
      await packTarGz(inlineApp("true", answering("board"))),
      "v1",
    );
    expect(deployment.status).toBe("success");

    await using operator = await signedIn(inject("adminToken"));
    const ofQueues = await pageErrors(operator, async (page) => {
      await page.goto(apiUrl("/queues/"));
      for (const queue of [...Object.values(queueNames), "notifications"])
        await page.getByText(queue).first().waitFor();
    });
    expect(ofQueues).toBe("");
    const ofJob = await pageErrors(operator, async (page) => {
      await page.goto(apiUrl(`/queues/queue/deployments/${deployment.id}`));
      await page.getByText(deployment.id).first().waitFor();
      expect(await page.textContent("body")).toContain(app.id);
    });
    expect(ofJob).toBe("");
    const ofEnded = await pageErrors(operator, async (page) => {
      await page.goto(apiUrl("/queues/queue/deployments?status=completed"));
      await page.getByText(`${app.name} v1`, { exact: true }).first().waitFor();
    });
    expect(ofEnded).toBe("");
  });

  test("the API's description is a page that names the routes", async () => {
    await using visitor = await signedIn();
    const ofRoutes = await pageErrors(visitor, async (page) => {
      await page.goto(apiUrl("/docs"));
      await page.getByText("/apps/{app}/deployments/{deployment}/abort").first().waitFor();
    });
    expect(ofRoutes).toBe("");
  });
});

/** An API token of a new user, created as that user. */
async function newUsersToken(): Promise<string> {
  const username = `user-${randomBytes(4).toString("hex")}`;
  const password = randomBytes(16).toString("hex");
  await call("POST", "/v1/users", { user: { username, email: `${username}@example.com`, password } });
  const login = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  const headers = { authorization: login, "content-type": "application/json" };
  const body = JSON.stringify({ token: { name: "dashboard" } });
  const answer = await fetch(apiUrl("/v1/tokens"), { method: "POST", headers, body });
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { token: { token: string } }).token.token;
}

/**
 * Runs `look` on a new page. Starting and stopping containers changes the machine's network, and the browser then drops its current
 * requests. In this case `look` runs again.
 * @returns the browser's errors, one per line.
 */
async function pageErrors(context: BrowserContext, look: (page: Page) => Promise<void>): Promise<string> {
  for (let tries = 1; ; tries += 1) {
    const page = await context.newPage();
    const problems = problemsOf(page);
    const [looked] = await Promise.allSettled([look(page)]);
    await page.close();
    const failure = looked.status === "rejected" ? String(looked.reason) : "";
    const isDropped = [failure, ...problems].some((text) => text.includes(networkChanged));
    if (isDropped && tries < maxTries) continue;
    if (looked.status === "rejected") throw looked.reason;
    return problems.join("\n");
  }
}

/** Collects the page's errors and failed responses as they occur. */
function problemsOf(page: Page): string[] {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().includes(refusedFont)) problems.push(message.text());
  });
  page.on("response", (response) => {
    if (response.status() >= 400 && response.status() !== 401)
      problems.push(`${response.status()} ${response.url()}`);
  });
  return problems;
}
