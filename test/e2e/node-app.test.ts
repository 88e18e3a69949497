// A Node app with a dependency: built, pushed, started, answering; the second build uses the cache, until it is dropped.

import { expect, test } from "vitest";
import { packFolder } from "../../scripts/quickstart/pack.ts";
import { ask, createApp, deployed, page, showApp } from "./slipway.ts";

const sample = new URL("../../samples/hello-node", import.meta.url).pathname;

test("from source to a page, with everything recorded", async () => {
  const app = await createApp("node");
  const { deployment, log } = await deployed(app.name, await packFolder(sample), "v1");
  expect(log).toContain("Node.js app detected");
  expect(deployment).toMatchObject({ status: "success", git_ref: "v1", previous_git_ref: null });
  expect(deployment.image).toContain(`apps/${app.id}`);
  expect(deployment.image_size).toBeGreaterThan(1_000_000);
  expect(Number.isInteger(deployment.duration)).toBe(true);
  expect(Date.parse(deployment.finished_at ?? "")).toBeGreaterThan(Date.parse(deployment.created_at));
  expect(await page(app.name)).toMatch(/hello/i);
  expect((await showApp(app.name)).status).toBe("running");
  expect(log).not.toMatch(/using cached node/i);

  const second = await deployed(app.name, await packFolder(sample), "v2");
  expect(second.deployment).toMatchObject({ status: "success", previous_git_ref: "v1" });
  expect(second.log).toMatch(/using cached node/i);
  expect(second.log).toMatch(/restored npm cache/i);

  expect((await ask("DELETE", `/v1/apps/${app.name}/caches/deployment`)).status).toBe(204);
  const third = await deployed(app.name, await packFolder(sample), "v3");
  expect(third.deployment.status).toBe("success");
  expect(third.log).not.toMatch(/using cached node/i);
  expect(third.log).not.toMatch(/restored npm cache/i);
});
