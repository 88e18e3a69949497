// The web console in a browser: login, deploying, the live log, a failure, an abort, and accessibility of each page.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import type { AppAnswer } from "@slipway/protocol";
import { findBrowser, lacksBrowser, packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "./apps.ts";
import { apiUrl, call, createApp } from "./slipway.ts";

const serving = answering("console");
const wait = { timeout: 90_000 };
const million = 1_000_000;

describe.skipIf(await lacksBrowser())("the console in a browser", () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let axe: string;

  beforeAll(async () => {
    const executablePath = (await findBrowser()) ?? "";
    browser = await chromium.launch({ executablePath, chromiumSandbox: false, args: ["--disable-gpu"] });
    context = await browser.newContext();
    page = await context.newPage();
    page.setDefaultTimeout(wait.timeout);
    axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  });
  afterAll(() => browser.close());
  // Adds what the page shows to the report of a failed test.
  beforeEach(({ onTestFailed }) =>
    onTestFailed(async () => {
      throw new Error(`${page.url()} shows:\n${await page.locator("body").innerText()}`);
    }),
  );

  /** Accessibility problems of the current page, in light and dark mode. */
  const violations = async () => {
    const found: string[] = [];
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.evaluate(axe);
      const run =
        'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + " " + nodes.map(({ html }) => html).join(" ")))';
      found.push(...(await page.evaluate<string[]>(run)));
    }
    return found;
  };
  const drop = async (name: string, archive: Buffer) => {
    const transfer = await page.evaluateHandle(`(() => {
      const bytes = Uint8Array.from(atob("${archive.toString("base64")}"), (one) => one.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], ${JSON.stringify(name)}));
      return transfer;
    })()`);
    await page.dispatchEvent(".drop", "drop", { dataTransfer: transfer });
  };

  test("the first page loads 200 kB at most, compressed, all of it from the API", async () => {
    const first = await browser.newPage();
    await first.goto(apiUrl("/"));
    await first.getByRole("button", { name: "Log in" }).waitFor();
    const entries = `performance.getEntriesByType("resource").map(({ name, encodedBodySize: bytes }) => ({ name, bytes }))`;
    const loaded = await first.evaluate<{ readonly name: string; readonly bytes: number }[]>(entries);
    await first.close();
    expect(loaded.map(({ name }) => new URL(name).origin)).toEqual(
      loaded.map(() => new URL(apiUrl("/")).origin),
    );
    const bytes = loaded.reduce((sum, entry) => sum + entry.bytes, 0);
    expect(bytes).toBeGreaterThan(20_000);
    expect(bytes).toBeLessThan(200_000);
  });

  test("a wrong token is refused, and a right one opens the apps", async () => {
    await context.clearCookies();
    await page.goto(apiUrl("/"));
    await page.getByRole("button", { name: "Log in" }).waitFor();
    expect(await violations()).toEqual([]);
    await page.getByRole("button", { name: "API token" }).click();
    await page.getByLabel("API token", { exact: true }).last().fill("tk-us-nobodys-token-0123456789");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByText("unknown or revoked").waitFor();
    await page.locator("input[name=token]").fill(inject("adminToken"));
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("heading", { name: "Apps", exact: true }).waitFor();
    expect(await page.evaluate("document.cookie + JSON.stringify(localStorage)")).not.toContain("tk-us-");
  });

  test("an image is deployed once however often it is requested, and the console does not navigate after the user has left the page", async () => {
    const app = await createApp("console-once");
    await page.goto(apiUrl(`/apps/${app.name}`));
    const held = Promise.withResolvers<void>();
    const requests: string[] = [];
    await page.route("**/deployments", async (route) => {
      if (route.request().method() !== "POST") return route.fallback();
      requests.push((await route.request().headerValue("idempotency-key")) ?? "");
      await held.promise;
      return route.fulfill({ status: 201, json: { deployment: { id: "1" } } });
    });
    await page.getByLabel("Image by digest").fill("registry.test/app@sha256:0");
    await page.evaluate(
      "for (let i = 0; i < 2; i += 1) document.querySelector('.drop form').requestSubmit()",
    );
    await page.getByText("Queueing…").waitFor();
    expect(await page.getByRole("button", { name: "deploy the image" }).isDisabled()).toBe(true);
    await drop("app.tar.gz", Buffer.from("text"));
    await page.getByRole("link", { name: "Containers" }).click();
    await page.getByText("Nothing runs").waitFor();
    const answered = page.waitForResponse((response) => response.request().method() === "POST");
    const reread = page.waitForResponse((response) => response.url().endsWith("/ps"));
    held.resolve();
    await answered;
    await reread;
    expect([requests, page.url()]).toEqual([
      [expect.stringMatching(/^[\da-f-]{20,}$/)],
      expect.stringContaining("/containers"),
    ]);
    await page.unroute("**/deployments");
  });

  test("an app is created and deployed by dropping an archive, and its log arrives live", async () => {
    const app = await createApp("console");
    await page.goto(apiUrl(`/apps/${app.name}`));
    await page.getByText("No deployments yet").waitFor();
    expect(await violations()).toEqual([]);
    await drop("notes.txt", Buffer.from("text"));
    await page.getByText("notes.txt is no .tar.gz archive").waitFor();
    await drop("app.tar.gz", await packTarGz(inlineApp("echo hello from the build", serving)));
    await page.getByText("hello from the build").waitFor();
    await page.locator(".status", { hasText: "success" }).first().waitFor();
    await page.getByText("Complete").waitFor();
    await page.getByRole("region", { name: "Receipt" }).getByText("buildpacks, inline").waitFor();
    expect(await violations()).toEqual([]);
  });

  test("a failed deployment shows why, and links to the line", async () => {
    const app = await createApp("console-failing");
    await page.goto(apiUrl(`/apps/${app.name}`));
    await page.locator(".drop").waitFor();
    await drop(
      "app.tar.gz",
      await packTarGz(inlineApp('echo " !     the lock file is outdated"; exit 1', serving)),
    );
    await page.locator(".failure").waitFor();
    await page.locator(".line", { hasText: "the lock file is outdated" }).waitFor();
    await page.getByRole("link", { name: /Show line \d+/ }).click();
    await page.locator(".line.chosen").waitFor();
    expect(page.url()).toMatch(new RegExp(`/apps/${app.name}/deployments/[^/]+#L\\d+$`));
    expect(await violations()).toEqual([]);
    await page.goto(apiUrl("/"));
    await page.getByLabel("Filter apps").fill(app.name);
    const row = page
      .getByRole("row")
      .filter({ has: page.getByRole("link", { name: app.name, exact: true }) });
    await row.getByRole("link", { name: "build failed" }).click();
    await page.locator(".failure").waitFor();
    await page.goto(page.url().replace(`/apps/${app.name}/`, `/apps/${app.id}/`));
    await page.getByRole("heading", { name: `${app.name} /` }).waitFor();
  });

  test("apps are listed page by page, and the filter searches all of them", async () => {
    for (let index = 0; index < 50; index += 1) await createApp("console-page");
    const last = await createApp("console-page-z");
    await page.goto(apiUrl("/"));
    const links = page.getByRole("rowheader");
    await links.nth(49).waitFor();
    expect(await links.count()).toBe(50);
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText(/^2 of \d+$/).waitFor();
    expect(await violations()).toEqual([]);
    await page.getByLabel("Filter apps").fill(last.name.toUpperCase());
    await page.getByRole("navigation", { name: "Pages" }).waitFor({ state: "detached" });
    expect(await links.allTextContents()).toEqual([last.name]);
    await page.getByLabel("Filter apps").fill("no app has this name");
    await links.first().waitFor({ state: "detached" });
  });

  test("sections of a log fold with their durations, by keyboard too, and a linked line unfolds its section", async () => {
    const app = await createApp("console-folds");
    await page.goto(apiUrl(`/apps/${app.name}`));
    await page.locator(".drop").waitFor();
    const compile =
      "echo '-----> First part'; echo in the first part; echo '-----> Second part'; echo in the second";
    await drop("app.tar.gz", await packTarGz(inlineApp(compile, serving)));
    await page.getByText("Complete").waitFor();
    const inFirst = page.locator(".line", { hasText: "in the first part" });
    await inFirst.waitFor();
    const first = page.getByRole("button", { name: /^First part: \d+\.\d s, 1 line$/ });
    await first.press("Enter");
    expect(await first.getAttribute("aria-expanded")).toBe("false");
    expect(await inFirst.count()).toBe(0);
    expect(await violations()).toEqual([]);
    await page.getByRole("button", { name: "Fold all" }).click();
    expect(await page.locator(".line", { hasText: "in the second" }).count()).toBe(0);
    await page.keyboard.press("/");
    await page.keyboard.type("in the second");
    await page.keyboard.press("Enter");
    await page.locator(".line.chosen", { hasText: "in the second" }).waitFor();
    expect(await inFirst.count()).toBe(0);
    await page.getByRole("button", { name: "Fold all" }).click();
    await page.getByRole("button", { name: "Unfold all" }).click();
    await inFirst.waitFor();
  });

  test("a running deployment is aborted, after a question", async () => {
    const app = await createApp("console-aborted");
    await page.goto(apiUrl(`/apps/${app.name}`));
    await page.locator(".drop").waitFor();
    await drop("app.tar.gz", await packTarGz(inlineApp("echo it builds; sleep 600", serving)));
    await page.getByText("it builds").waitFor();
    await page.getByRole("button", { name: "Abort" }).click();
    await page.getByRole("button", { name: "Yes" }).click();
    await page.locator(".status", { hasText: "aborted" }).first().waitFor();
    await page.locator(".line", { hasText: "Aborted: by" }).waitFor();
    expect(await page.getByRole("button", { name: "Abort" }).count()).toBe(0);
  });

  test("a log of a million lines is scrolled to its end, linked to, and searched", async () => {
    const text = Array.from({ length: million }, (_, index) => `line ${index + 1}\n`).join("");
    await page.route("**/output?*", (route) => route.fulfill({ contentType: "text/plain", body: text }));
    // Because the deployment ended long ago, the page reads its log instead of following it.
    const anHourAgo = new Date(Date.now() - 3_600_000).toISOString();
    const ofDeployment = /\/deployments\/[\w-]+$/;
    await page.route(ofDeployment, async (route) => {
      if (route.request().resourceType() === "document") return route.fallback();
      const response = await route.fetch();
      const { deployment } = (await response.json()) as { deployment: object };
      return route.fulfill({ response, json: { deployment: { ...deployment, finished_at: anHourAgo } } });
    });
    await page.reload();
    await page.locator(`.lines[data-count="${million}"]`).waitFor();
    await page.getByText(`line ${million}`, { exact: true }).waitFor();
    expect(await page.locator(".line").count()).toBeLessThan(200);
    await page.evaluate("location.hash = 'L500000-L500002'");
    await page.locator(".line.chosen", { hasText: "line 500000" }).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("line 77777");
    await page.getByText("11 lines").waitFor();
    await page.unroute("**/output?*");
    await page.unroute(ofDeployment);
  });

  test("notifiers for a webhook and for GitHub are added; the secret is shown once, the token never", async () => {
    const app = await createApp("console-notifiers");
    await page.goto(apiUrl(`/apps/${app.name}/notifiers`));
    await page.getByText("No notifiers").waitFor();
    await page.getByLabel("Name", { exact: true }).fill("ops");
    await page.getByLabel("URL").fill("https://example.com/hook");
    await page.getByRole("button", { name: "Add webhook" }).click();
    await page.locator(".notice", { hasText: "ops signs its requests with the secret whsec_" }).waitFor();
    await page.getByLabel("Name of the GitHub notifier").fill("statuses");
    await page.getByLabel("GitHub token").fill("ghp_example");
    await page.getByRole("button", { name: "Add GitHub" }).click();
    await page.getByText("GitHub commit statuses").waitFor();
    expect(await violations()).toEqual([]);
    await page.reload();
    await page.getByText("https://example.com/hook").waitFor();
    const shown = (await page.locator("body").textContent()) ?? "";
    expect([shown.includes("whsec_"), shown.includes("ghp_example")]).toEqual([false, false]);
  });

  test("an app's builder, stack and policy are changed, and a builder image is kept until it is emptied", async () => {
    const { name } = await createApp("console-settings");
    const stored = async () => {
      const { app } = await call<AppAnswer>("GET", `/v1/apps/${name}`);
      return [app.builder, app.builder_image, app.concurrency_policy];
    };
    await page.goto(apiUrl(`/apps/${name}/settings`));
    await page.getByLabel("Builder", { exact: true }).selectOption("cnb");
    await page.getByLabel("Builder image").fill("builders/example:24");
    await page.getByLabel("A deployment that is created").selectOption("supersede");
    expect(await violations()).toEqual([]);
    await page.getByRole("button", { name: "Save" }).click();
    await expect.poll(stored).toEqual(["cnb", "builders/example:24", "supersede"]);
    await page.reload();
    await expect.poll(() => page.getByLabel("Builder image").inputValue()).toBe("builders/example:24");
    await page.getByLabel("Builder image").fill("no image!");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").filter({ hasText: "must be the name of an image" }).waitFor();
    await page.getByLabel("Builder image").fill("");
    await page.getByRole("button", { name: "Save" }).click();
    await expect.poll(stored).toEqual(["cnb", null, "supersede"]);
  });

  test("a variable is set, masked, changed and removed, after a question", async () => {
    const { name } = await createApp("console-variables");
    await page.goto(apiUrl(`/apps/${name}/variables`));
    await page.getByText("No variables").waitFor();
    await page.getByLabel("Name", { exact: true }).fill("GREETING");
    await page.getByLabel("Value", { exact: true }).fill("hello\nworld");
    await page.getByRole("button", { name: "Set", exact: true }).click();
    await page.getByText("GREETING").waitFor();
    expect(await page.locator("main").textContent()).not.toContain("world");
    await page.getByRole("button", { name: "Show GREETING" }).click();
    await expect.poll(() => page.getByLabel("Value of GREETING").inputValue()).toBe("hello\nworld");
    await page.getByLabel("Value of GREETING").fill("changed");
    await page.getByRole("button", { name: "Save GREETING" }).click();
    await page.getByRole("button", { name: "Save GREETING" }).waitFor({ state: "detached" });
    await page.reload();
    await page.getByRole("button", { name: "Show GREETING" }).click();
    await expect.poll(() => page.getByLabel("Value of GREETING").inputValue()).toBe("changed");
    await page.getByRole("button", { name: "Remove GREETING" }).click();
    await page.getByRole("button", { name: "Yes" }).click();
    await page.getByText("No variables").waitFor();
  });

  test("every other page has no accessibility problem, also on a phone", async () => {
    const app = await createApp("console-pages");
    const paths = ["containers", "variables", "collaborators", "notifiers", "settings"].map(
      (name) => `apps/${app.name}/${name}`,
    );
    for (const width of [1_200, 390]) {
      await page.setViewportSize({ width, height: 800 });
      for (const path of [
        "",
        ...paths,
        "operator/workers",
        "operator/queue",
        "operator/failures",
        "operator/users",
      ]) {
        await page.goto(apiUrl(`/${path}`));
        await page.locator("main").waitFor();
        await page.locator(".loading").first().waitFor({ state: "detached" });
        expect([path, await violations()]).toEqual([path, []]);
      }
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    }
  });

  test("a log is copied without the clipboard of pages with TLS", async () => {
    const app = await createApp("console-copied");
    await page.goto(apiUrl(`/apps/${app.name}`));
    await page.locator(".drop").waitFor();
    await drop("app.tar.gz", await packTarGz(inlineApp("echo to be copied", serving)));
    await page.getByText("Complete").waitFor();
    await page.evaluate(`(() => {
      Object.defineProperty(navigator, "clipboard", { value: undefined });
      addEventListener("copy", ({ target }) => (window.copied = target.value));
    })()`);
    await page.getByRole("button", { name: "Copy all" }).click();
    await page.getByText("Copied", { exact: true }).waitFor();
    expect(await page.evaluate("window.copied")).toContain("to be copied\n");
    await page.evaluate("document.execCommand = () => false");
    await page.getByRole("button", { name: "Copy all" }).click();
    await page.getByText("Not copied: select the lines").waitFor();
  });

  test("a logout that fails says so, and logging out ends the session", async () => {
    await page.goto(apiUrl("/"));
    await page.route("**/v1/session", (route) =>
      route.request().method() === "DELETE" ? route.abort() : route.fallback(),
    );
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByText("Check your connection; then try again.").waitFor();
    await page.unroute("**/v1/session");
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("button", { name: "Log in" }).waitFor();
    expect((await context.request.get(apiUrl("/v1/session"))).status()).toBe(401);
  });
});
