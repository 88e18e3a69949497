import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { sendJson, startApi } from "../../test-support/api.ts";
import { anAppBody } from "../../test-support/bodies.ts";
import { slipwayProcess } from "../../test-support/slipway-process.ts";

const allApps = Array.from({ length: 250 }, (_, at) => anAppBody({ name: `app-${at + 1}` }));

/** Starts an API with 250 apps, which also pages them as the real one does. @returns its URL, and the requests it got. */
async function apiWithApps(): Promise<{ readonly url: string; readonly requests: readonly string[] }> {
  const requests: string[] = [];
  const url = await startApi(({ url: path = "" }, response) => {
    requests.push(path);
    respond(response, new URL(path, "http://localhost").searchParams);
  });
  return { url, requests };
}

function respond(response: ServerResponse, query: URLSearchParams): void {
  if (query.size === 0) return sendJson(response, 200, { apps: allApps });
  const found = allApps.filter(({ name }) => name.includes(query.get("name") ?? ""));
  const [page, perPage] = [Number(query.get("page")), Number(query.get("per_page"))];
  const pages = Math.max(1, Math.ceil(found.length / perPage));
  const pagination = {
    current_page: page,
    prev_page: page > 1 ? page - 1 : null,
    next_page: page < pages ? page + 1 : null,
    total_pages: pages,
    total_count: found.length,
  };
  const apps = found.slice((page - 1) * perPage, page * perPage);
  sendJson(response, 200, { apps, meta: { pagination } });
}

test("apps list prints a page of 100, and says how many apps there are", async () => {
  const { url, requests } = await apiWithApps();
  const { stdout, stderr } = await slipwayProcess(["apps", "list"], { url });
  expect(requests).toEqual(["/v1/apps?page=1&per_page=100"]);
  expect(stdout.split("\n")).toHaveLength(101);
  expect(stderr).toBe("page 1 of 3, 250 apps in all: see others with --page or --name, all with --json");
});

test("apps list prints the page that --page and --per-page choose", async () => {
  const { url } = await apiWithApps();
  const { stdout, stderr } = await slipwayProcess(["apps", "list", "--page", "6", "--per-page", "45"], {
    url,
  });
  expect(stdout.split("\n").slice(1)).toHaveLength(25);
  expect(stdout).toContain("app-226 ");
  expect(stderr).toContain("page 6 of 6, 250 apps in all");
});

test("apps list --name prints only apps whose names contain the text, without a note when it has room for all", async () => {
  const { url, requests } = await apiWithApps();
  const { stdout, stderr } = await slipwayProcess(["apps", "list", "--name", "pp-12"], { url });
  expect(requests).toEqual(["/v1/apps?page=1&per_page=100&name=pp-12"]);
  expect(stdout.split("\n")).toHaveLength(12);
  expect(stderr).toBe("");
});

test("apps list --json prints all apps; with --page or --name a page, which says how many there are", async () => {
  const { url, requests } = await apiWithApps();
  const json = async (...options: string[]) =>
    JSON.parse((await slipwayProcess(["apps", "list", "--json", ...options], { url })).stdout) as object;
  expect(await json()).toEqual({ apps: allApps });
  const found = await json("--name", "app-1");
  expect(found).toMatchObject({ meta: { pagination: { total_count: 111, total_pages: 2 } } });
  expect(found).toHaveProperty("apps.length", 100);
  expect(requests).toEqual(["/v1/apps", "/v1/apps?page=1&per_page=100&name=app-1"]);
});

test("apps list --json fails when the list is cut off", async () => {
  const url = await startApi((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.write('{"apps":[', () => response.destroy());
  });
  const { exitCode, stderr } = await slipwayProcess(["apps", "list", "--json"], { url });
  expect(exitCode).toBe(4);
  expect(stderr).toContain("What is printed is not the whole list.");
});
