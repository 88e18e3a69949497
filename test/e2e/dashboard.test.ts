// The queue dashboard as an operator's browser shows it, and the API's description as anybody's does.

import { randomBytes } from "node:crypto";
import { chromium } from "playwright-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { findBrowser, lacksBrowser, packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "./apps.ts";
import { apiUrl, call, createApp, deployed } from "./slipway.ts";

/** The browser talks to the page's own server and to nobody else. */
const launchFlags = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** The board's page asks for a web font, which its policy refuses: that is no loss. */
const refusedFont = "https://fonts.googleapis.com/";
const networkChanged = "net::ERR_NETWORK_CHANGED";
const looksMax = 5;

describe.skipIf(await lacksBrowser())("the dashboard in a browser", () => {
  let browser: Browser;

  beforeAll(async () => {
    const executablePath = (await findBrowser()) ?? "";
    browser = await chromium.launch({ executablePath, chromiumSandbox: false, args: launchFlags });
  });
  afterAll(() => browser.close());

  const signedIn = (password?: string): Promise<BrowserContext> =>
    browser.newContext(
      password === undefined
        ? {}
        : { httpCredentials: { username: "anybody", password, send: "unauthorized" } },
    );

  test("it asks for a login, and for another when the first is nobody's", async () => {
    await using stranger = await signedIn();
    const asking = (await stranger.newPage()).goto(apiUrl("/queues/"));
    await expect(asking).rejects.toThrow("ERR_INVALID_AUTH_CREDENTIALS");

    await using wrong = await signedIn("tk-us-nobodys-token-0123456789");
    const page = await wrong.newPage();
    expect((await page.goto(apiUrl("/queues/")))?.status()).toBe(401);
    expect(await page.textContent("body")).toContain("operator's API token as the password");
  });

  test("a user who is no operator is refused", async () => {
    await using user = await signedIn(await newUsersToken());
    const page = await user.newPage();
    expect((await page.goto(apiUrl("/queues/")))?.status()).toBe(403);
    expect(await page.textContent("body")).toContain("only operators");
  });

  test("an operator sees every queue, and a deployment's job among those that ended", async () => {
    const app = await createApp("board");
    const { deployment } = await deployed(app.name, await packTarGz(inlineApp("true", answering("board"))));
    expect(deployment.status).toBe("success");

    await using operator = await signedIn(inject("adminToken"));
    const ofQueues = await complaints(operator, async (page) => {
      await page.goto(apiUrl("/queues/"));
      for (const queue of ["deployments", "notifications", "upkeep"])
        await page.getByText(queue).first().waitFor();
    });
    expect(ofQueues).toBe("");
    const ofJob = await complaints(operator, async (page) => {
      await page.goto(apiUrl(`/queues/queue/deployments/${deployment.id}`));
      await page.getByText(deployment.id).first().waitFor();
      expect(await page.textContent("body")).toContain(app.id);
    });
    expect(ofJob).toBe("");
    const ofEnded = await complaints(operator, async (page) => {
      await page.goto(apiUrl("/queues/queue/deployments?status=completed"));
      await page.getByText("deploy", { exact: true }).first().waitFor();
    });
    expect(ofEnded).toBe("");
  });

  test("the API's description is a page that names the routes", async () => {
    await using anybody = await signedIn();
    const ofRoutes = await complaints(anybody, async (page) => {
      await page.goto(apiUrl("/docs"));
      await page.getByText("/apps/{app}/deployments/{deployment}/abort").first().waitFor();
    });
    expect(ofRoutes).toBe("");
  });
});

/** An API token of a new user, made as that user. */
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
 * Looks at something in a page of its own. Containers that come and go change the machine's network, and the browser drops what
 * it asks for at that moment: then it looks once more.
 * @returns what the browser complained of, a line each.
 */
async function complaints(context: BrowserContext, look: (page: Page) => Promise<void>): Promise<string> {
  for (let tries = 1; ; tries += 1) {
    const page = await context.newPage();
    const problems = problemsOf(page);
    const [looked] = await Promise.allSettled([look(page)]);
    await page.close();
    const failure = looked.status === "rejected" ? String(looked.reason) : "";
    const isDropped = [failure, ...problems].some((text) => text.includes(networkChanged));
    if (isDropped && tries < looksMax) continue;
    if (looked.status === "rejected") throw looked.reason;
    return problems.join("\n");
  }
}

/** What the page throws, and what it is refused, as it happens. */
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
