// Images made of layers: which layers the next deployment reuses, and that the result is correct.

import { once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { packTarGz } from "@slipway/testkit";
import { layeredApp, treeOf, workspaceApp } from "./layered-app.ts";
import { call, createApp, deployed, page, showApp } from "./slipway.ts";
import { type Ms, workspaceManagers } from "./workspace-locks.ts";

const reused = "Dependencies have not changed";
const installed = "Installing dependencies";

const files = async (...options: Parameters<typeof layeredApp>) => packTarGz(layeredApp(...options));

test("dependencies are installed once for each lock file, and the app finds those of its own", async () => {
  const app = await createApp("layers");
  const steps = [
    ["2.1.3", installed],
    ["2.0.0", installed],
    ["2.1.3", reused],
    ["2.0.0", reused],
  ] as const;
  for (const [ms, line] of steps) {
    const { deployment, log } = await deployed(app.name, await files(ms));
    expect({ status: deployment.status, log }).toMatchObject({ status: "success" });
    expect(log).toContain(line);
    expect(await page(app.name, "/ms")).toBe(ms);
  }
});

test("a build with a script starts from the dependencies of an earlier one, and they are installed again after its cache is deleted", async () => {
  const app = await createApp("on-layers");
  const build = 'node -e \'fs.writeFileSync("page.html", "built with " + require("ms")("1s"))\'';
  const deployWith = async (ms: Ms) => {
    const { deployment, log } = await deployed(app.name, await files(ms, { scripts: { build } }));
    expect({ status: deployment.status, log }).toMatchObject({ status: "success" });
    expect(await page(app.name, "/page.html")).toBe("built with 1000");
    expect(await page(app.name, "/ms")).toBe(ms);
    return log;
  };
  const reusedByBuild = "Dependencies of the build have not changed";
  expect(await deployWith("2.1.3")).not.toContain(reusedByBuild);
  const second = await deployWith("2.1.3");
  expect(second).toContain(reusedByBuild);
  expect(second).not.toContain(installed);
  expect(await deployWith("2.0.0")).not.toContain(reusedByBuild);
  expect(await deployWith("2.1.3")).toContain(reusedByBuild);
  await call("DELETE", `/v1/apps/${app.name}/caches/deployment`);
  expect(await deployWith("2.1.3")).toContain(installed);
});

test("a build that changes its dependencies has them as it left them, each time", async () => {
  const app = await createApp("changing");
  const scripts = {
    build: "echo 'module.exports.changed = 1' >> node_modules/ms/index.js; echo x > node_modules/ms/new",
  };
  const whole = "begins again with an install of its own";
  for (const begins of [true, false]) {
    const { deployment, log } = await deployed(app.name, await files("2.1.3", { scripts }));
    expect({ status: deployment.status, log }).toMatchObject({ status: "success" });
    expect(log.includes(whole)).toBe(begins);
    expect(await page(app.name, "/changed")).toBe("1");
    expect(await page(app.name, "/tree")).toContain("/app/node_modules/ms/new");
  }
  const { log } = await deployed(app.name, await files("2.1.3", { scripts: { build: "true" } }));
  expect(log).not.toContain(whole);
  expect(await page(app.name, "/changed")).toBe("undefined");
});

test("an image from the source alone has the same files as one from a build in a container", async () => {
  const [direct, built] = [await createApp("direct"), await createApp("built")];
  expect((await deployed(direct.name, await files("2.1.3"))).log).not.toContain("Pruning");
  const withBuild = await deployed(built.name, await files("2.1.3", { scripts: { build: "true" } }));
  expect(withBuild.log).toContain("Running the script build");
  const whole = await createApp("whole");
  expect(
    (await deployed(whole.name, await files("2.1.3", { scripts: { postinstall: "true" } }))).log,
  ).toContain("Pruning");
  const tree = async (name: string) => treeOf(await page(name, "/tree"));
  const expected = await tree(built.name);
  expect(expected.length).toBeGreaterThan(8);
  expect(await tree(direct.name)).toEqual(expected);
  expect(await tree(whole.name)).toEqual(expected);
});

// The time limit of tests that install up to four times.
const installsMs = 300_000;

async function createAppIn(projectDir: string) {
  const app = await createApp("folder");
  const variables = [{ name: "PROJECT_DIR", value: projectDir }];
  await call("PUT", `/v1/apps/${app.name}/variables`, { variables });
  return app;
}

async function deployWorkspace(name: string, ...source: Parameters<typeof workspaceApp>): Promise<string> {
  const { deployment, log } = await deployed(name, await packTarGz(workspaceApp(...source)));
  expect({ status: deployment.status, log }).toMatchObject({ status: "success" });
  expect(log).toContain("Running the script build of packages/lib");
  return log;
}

test.each(workspaceManagers)(
  "a workspace of %s on the dependencies of an earlier deployment has the files of one that was built as a whole",
  { timeout: installsMs },
  async (manager) => {
    const [app, whole] = [await createAppIn("apps/api"), await createAppIn("apps/api")];
    expect(await deployWorkspace(app.name, "2.1.3", { manager })).toContain(installed);
    const second = await deployWorkspace(app.name, "2.1.3", { manager, page: "BBBB" });
    expect(second).toContain(reused);
    expect(second).not.toContain(installed);
    expect(await page(app.name, "/page.html")).toBe("BBBB");
    expect(await page(app.name, "/ms")).toBe("2.1.3");
    const withScript = { manager, page: "BBBB", rootScripts: { postinstall: "true" } };
    expect(await deployWorkspace(whole.name, "2.1.3", withScript)).toContain("Pruning");
    const tree = async (name: string) => treeOf(await page(name, "/tree"));
    const expected = await tree(whole.name);
    const paths = expected.map(([path]) => path);
    expect(paths).toContain("/app/packages/lib/dist.js");
    expect(paths.filter((path) => path.endsWith("/node_modules/ms/index.js"))).toHaveLength(2);
    expect(paths.filter((path) => path.endsWith("/node_modules/@m/lib"))).not.toHaveLength(0);
    expect(await tree(app.name)).toEqual(expected);
  },
);

// The key is computed in the same way for all managers; the differing parts have unit tests.
test.each(["npm", "pnpm"] as const)(
  "the dependencies of a workspace of %s are installed again after a change of its lock file",
  { timeout: installsMs },
  async (manager) => {
    const app = await createAppIn("apps/api");
    for (const ms of ["2.1.3", "2.0.0"] as const) {
      expect(await deployWorkspace(app.name, ms, { manager })).toContain(installed);
      expect(await page(app.name, "/ms")).toBe(ms);
    }
  },
);

test("a folder of the source is deployed on its dependencies, with the files that it has as a source of its own", async () => {
  const [app, alone] = [await createAppIn("web"), await createApp("alone")];
  const inFolder = Object.entries(layeredApp("2.1.3")).map(([path, file]) => [
    path.replace("app/", "app/web/"),
    file,
  ]);
  const source = await packTarGz({ ...Object.fromEntries(inFolder), "app/other/file": "x" });
  for (const line of [installed, reused]) {
    const { deployment, log } = await deployed(app.name, source);
    expect({ status: deployment.status, log }).toMatchObject({ status: "success" });
    expect(log).toContain(line);
    expect(log).toContain("Building the directory web only");
  }
  await deployed(alone.name, await files("2.1.3"));
  const tree = async (name: string) => treeOf(await page(name, "/tree"));
  expect(await tree(app.name)).toEqual(await tree(alone.name));
});

test("the same source gives the same digest, also after another one", async () => {
  const app = await createApp("digest");
  const sources = [await files("2.1.3"), await files("2.1.3", { page: "BBBB" })] as const;
  for (const source of [sources[0], sources[0], sources[1], sources[0]])
    expect((await deployed(app.name, source)).deployment.status).toBe("success");
  const { releases } = await call<{ releases: { image: string }[] }>("GET", `/v1/apps/${app.name}/releases`);
  const [fourth, third, second, first] = releases.map(({ image }) => image);
  expect(second).toBe(first);
  expect(third).not.toBe(first);
  expect(fourth).toBe(first);
});

test.each([
  ["from the source alone", {}],
  ["from a build", { build: "true" }],
])("a file that changed %s has another ETag, and no file is from the future", async (_how, scripts) => {
  const app = await createApp("etag");
  await deployed(app.name, await files("2.1.3", { page: "AAAA", scripts }));
  const url = new URL("/page.html", (await showApp(app.name)).url);
  const before = await get(url);
  expect(before).toMatchObject({ status: 200, body: "AAAA" });
  expect((await get(url, before.etag)).status).toBe(304);
  await deployed(app.name, await files("2.1.3", { page: "BBBB", scripts }));
  expect(await get(url, before.etag)).toMatchObject({ status: 200, body: "BBBB" });
  expect(Number(await page(app.name, "/times"))).toBeLessThanOrEqual(Date.now());
});

async function get({ port, pathname, host }: URL, etag?: string) {
  const headers = { host, ...(etag === undefined ? {} : { "if-none-match": etag }) };
  const sent = request({ host: "127.0.0.1", port, path: pathname, headers }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return { status: response.statusCode, etag: response.headers.etag ?? "", body: await text(response) };
}
