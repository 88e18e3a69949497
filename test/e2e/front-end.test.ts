// Front ends are built with Node.js, and their files are served without it.

import { expect, test } from "vitest";
import { packFolder } from "@slipway/cli/quickstart";
import { packTarGz } from "@slipway/testkit";
import { call, createApp, deployed, page, showApp, visit } from "./slipway.ts";

const sample = new URL("../../samples/hello-vite", import.meta.url).pathname;
const immutable = "public, max-age=31536000, immutable";

/** An app that `build.js` builds. The hook lists the release's content. */
function app(build: string, files: Readonly<Record<string, string>> = {}) {
  const content: Readonly<Record<string, string>> = {
    "package.json": JSON.stringify({ name: "app", version: "1.0.0", scripts: { build: "node build.js" } }),
    "package-lock.json": JSON.stringify({
      name: "app",
      version: "1.0.0",
      lockfileVersion: 3,
      packages: { "": { name: "app", version: "1.0.0" } },
    }),
    "build.js": `const fs = require("fs"), path = require("path");
      const write = (file, text) => (fs.mkdirSync(path.dirname(file), { recursive: true }), fs.writeFileSync(file, text));
      ${build}`,
    Procfile:
      'postdeploy: command -v node npm || echo "no Node.js among $(ls -A /app | xargs), ${NODE_ENV:-unset}"\n',
    ...files,
  };
  return packTarGz(Object.fromEntries(Object.entries(content).map(([name, text]) => [`app/${name}`, text])));
}

async function visitor(name: string) {
  const { url } = await showApp(name);
  return (path: string) => visit(new URL(path, url));
}

test.concurrent("a Vite app is built with its variables, and its files are served with a fallback and lasting assets", async () => {
  const { name } = await createApp("vite");
  await call("PUT", `/v1/apps/${name}/variables`, {
    variables: [{ name: "VITE_GREETING", value: "Good evening" }],
  });
  const { deployment, log } = await deployed(name, await packFolder(sample));
  expect({ status: deployment.status, log }).toMatchObject({ status: "success" });
  expect(log).toContain("The start script is not used: vite");
  expect(log).toContain("files from dist");

  const get = await visitor(name);
  const index = await get("/");
  expect(index.headers["cache-control"]).toBe("no-cache");
  const [, script = ""] = /src="(\/assets\/index-[^"]+\.js)"/.exec(index.body) ?? [];
  const asset = await get(script);
  expect(asset.body).toContain("Good evening");
  expect(asset.headers["cache-control"]).toBe(immutable);
  expect(await get("/users/7")).toMatchObject({ status: 200, body: index.body });
  expect((await get("/assets/index-missing.js")).status).toBe(404);
  expect((await get("/package.json")).status).toBe(404);
});

test.concurrent("a front end's output in dist/NAME/browser is served, and its release has neither Node.js nor the source", async () => {
  const { name } = await createApp("ng");
  const build = 'for (const file of ["browser/index.html", "browser/main-ABCD2EFG.js", "licenses.txt"])';
  const archive = await app(`${build} write("dist/shop/" + file, "<p>" + file);`);
  const { deployment, log } = await deployed(name, archive);
  expect({ status: deployment.status, log }).toMatchObject({ status: "success" });
  expect(log).toContain("no Node.js among .slipway Procfile dist, unset\n");
  const get = await visitor(name);
  expect(await get("/cart")).toMatchObject({ status: 200, body: "<p>browser/index.html" });
  expect((await get("/main-ABCD2EFG.js")).headers["cache-control"]).toBe(immutable);
  expect((await get("/licenses.txt")).status).toBe(404);
});

test.concurrent("static.json names the folder and headers of a front end, and its 404.html replaces the fallback", async () => {
  const { name } = await createApp("pages");
  const build = 'for (const file of ["index.html", "404.html", "about.html", "a/index.html"])';
  const archive = await app(`${build} write("site/" + file, file); write("dist/index.html", "other");`, {
    "static.json": JSON.stringify({ root: "site", headers: { "/**": { "X-Frame-Options": "DENY" } } }),
  });
  const { deployment, log } = await deployed(name, archive);
  expect({ status: deployment.status, log }).toMatchObject({ status: "success" });
  expect(await page(name)).toBe("index.html");
  const get = await visitor(name);
  expect(await get("/about")).toMatchObject({ status: 200, body: "about.html" });
  expect(await get("/a/")).toMatchObject({ status: 200, body: "a/index.html" });
  const missing = await get("/missing");
  expect(missing).toMatchObject({ status: 404, body: "404.html" });
  expect(missing.headers["x-frame-options"]).toBe("DENY");
});

test.concurrent("a build without a page to serve fails, and the log says how to name the folder", async () => {
  const { name } = await createApp("no-page");
  const { deployment, log } = await deployed(name, await app('write("lib/index.js", "")'));
  expect(deployment.status).toBe("build-error");
  expect(log).toContain('add a static.json with {"root": "FOLDER"} to the source.');
});
