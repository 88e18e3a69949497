// Node.js apps are built, pushed and started, with the build cache; their logs name unused or wrong settings.

import { expect, test } from "vitest";
import { packFolder } from "@slipway/cli/quickstart";
import { packTarGz } from "@slipway/testkit";
import { requestApi, createApp, deployed, page, showApp } from "./slipway.ts";

/** The log line about dependencies that are not installed again. */
const reused = "Dependencies have not changed";
const sample = new URL("../../samples/hello-node", import.meta.url).pathname;

test.concurrent("a Node.js app is deployed from its source to a page, and its deployment records the result", async () => {
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
  expect(log).not.toContain(reused);

  const second = await deployed(app.name, await packFolder(sample), "v2");
  expect(second.deployment).toMatchObject({ status: "success", previous_git_ref: "v1" });
  expect(second.log).toContain(reused);
  expect(second.log).not.toContain("Installing dependencies");

  expect((await requestApi("DELETE", `/v1/apps/${app.name}/caches/deployment`)).status).toBe(204);
  const third = await deployed(app.name, await packFolder(sample), "v3");
  expect(third.deployment.status).toBe("success");
  expect(third.log).not.toContain(reused);
  expect(third.log).toContain("No cache to restore");
});

/** Like Next.js's standalone server. */
const listensOnHostname = `require("node:http")
  .createServer((request, response) => response.end(process.version + " " + process.env.HOSTNAME))
  .listen(process.env.PORT, process.env.HOSTNAME);`;
const lockFile = JSON.stringify({ name: "app", lockfileVersion: 3, packages: { "": { name: "app" } } });

test.concurrent("an app gets Node.js by its LTS name and HOSTNAME to listen on, and the log names what is not used", async () => {
  const app = await createApp("named");
  const archive = await packTarGz({
    "app/package.json": JSON.stringify({ name: "app" }),
    "app/package-lock.json": lockFile,
    "app/yarn.lock": "",
    "app/.nvmrc": "lts/jod\n",
    "app/server.js": listensOnHostname,
    "app/Procfile": "web: node server.js\nworker: node worker.js\nclock: node clock.js\n",
  });
  const { deployment, log } = await deployed(app.name, archive);
  expect(deployment.status).toBe("success");
  expect(log).toContain("package-lock.json counts; yarn.lock is ignored.");
  expect(log).toContain("Not started: worker, clock.");
  expect(await page(app.name)).toMatch(new RegExp(`^v22[.0-9]+ ${app.name}-web-1$`));
});

test.concurrent("the log of an app that listens on another port than PORT names that port", async () => {
  const app = await createApp("port");
  const archive = await packTarGz({
    "app/package.json": JSON.stringify({ name: "app", engines: { node: "24.x" } }),
    "app/package-lock.json": lockFile,
    "app/server.js": 'require("node:http").createServer().listen(3000);',
  });
  const { deployment, log } = await deployed(app.name, archive);
  expect(deployment.status).toBe("timeout-error");
  expect(log).toContain("it listens on 3000, but PORT is 8080: make it listen on");
});
