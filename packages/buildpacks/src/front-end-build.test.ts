// Front ends, built by this machine's npm and prepared for nginx in a temporary folder instead of a build container.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openRunner, type Runner } from "../test-support/runner.ts";

/** The apps of this file have no dependencies. */
const noRegistry = "http://127.0.0.1:9";
let runner: Runner;

beforeEach(async () => {
  runner = await openRunner(noRegistry);
  await runner.put("bin/nginx", "#!/bin/sh\necho 'nginx version: nginx/1.0' >&2\n", 0o755);
  vi.stubEnv("PATH", `${join(runner.work, "bin")}:${process.env["PATH"]}`);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await runner[Symbol.asyncDispose]();
});

interface App {
  /** The body of the build script. */
  readonly build: string;
  readonly start?: string;
  readonly files?: Readonly<Record<string, string>>;
}

async function built({ build, start, files = {} }: App) {
  const scripts = { build: "bash build.sh", ...(start === undefined ? {} : { start }) };
  const all = {
    "package.json": JSON.stringify({ name: "app", version: "1.0.0", scripts }),
    "package-lock.json": JSON.stringify({
      name: "app",
      version: "1.0.0",
      lockfileVersion: 3,
      packages: { "": { name: "app", version: "1.0.0" } },
    }),
    "build.sh": `set -e\npage() { mkdir -p "$(dirname "$1")"; echo "<p>$1" >"$1"; }\n${build}\n`,
    "src/main.js": "",
    ...files,
  };
  for (const [name, text] of Object.entries(all)) await runner.put(`build/${name}`, text);
  return runner.run({}, "front-end");
}

const released = async () => (await readdir(join(runner.work, "build"))).sort();
const nginxConf = () => readFile(join(runner.work, "build/.slipway/static/nginx.conf"), "utf8");

describe("the release of a front end", () => {
  test("the release of a front end consists of the output of its build and what serves it", async () => {
    const files = { Procfile: "postdeploy: true\n", "node_modules/x/index.js": "", ".git/HEAD": "" };
    const { exitCode, output } = await built({
      build: "page dist/index.html; page dist/assets/a.js",
      start: "vite --open",
      files,
    });
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    expect(await released()).toEqual([".slipway", "Procfile", "dist"]);
    expect((await readdir(join(runner.work, "build/dist"))).sort()).toEqual(["assets", "index.html"]);
    expect(await runner.result("release.yml")).toContain("web: bash .slipway/static/serve");
    expect(await runner.result("Procfile")).toBe("postdeploy: true\n");
    expect(await nginxConf()).toContain("root /app/dist;");
    expect(output).toContain("The start script is not used: vite --open");
    expect(output).toContain("2 files from dist");
    expect(output).not.toContain("Pruning");
  });

  test("the app itself as root keeps its files without node_modules", async () => {
    const { exitCode } = await built({
      build: "page index.html",
      files: { "static.json": '{"root":"."}', "node_modules/x/index.js": "" },
    });
    expect(exitCode).toBe(0);
    expect(await released()).toContain("src");
    expect(await released()).not.toContain("node_modules");
  });
});

describe("the folder that is served", () => {
  test.each<[string, string, string]>([
    ["Angular's", "page dist/shop/browser/index.html; page dist/shop/server/index.html", "dist/shop/browser"],
    ["an older Angular's", "page dist/shop/index.html", "dist/shop"],
    ["Create React App's, and not its template", "page build/index.html", "build"],
    ["one that the build filled beside its template", "page public/bundle.js", "public"],
    ["VitePress's", "page docs/.vitepress/dist/index.html", "docs/.vitepress/dist"],
    ["a link to a folder", "page .output/public/index.html; ln -s .output/public dist", "dist"],
    ["one whose pages have folders", "page _site/index.html; page _site/dist/index.html", "_site"],
  ])("the folder that is served is %s", async (_name, build, root) => {
    const { output } = await built({ build, files: { "public/index.html": "" } });
    expect(output).toContain(`files from ${root}\n`);
    expect(await nginxConf()).toContain(`root /app/${root};`);
    expect(output).not.toContain("selects another");
    expect(await readdir(join(runner.work, "build", root))).not.toEqual([]);
  });

  test("the root of static.json is served, whatever else the build wrote", async () => {
    const files = { "static.json": '{"root":"/site/"}' };
    const { output } = await built({ build: "page dist/index.html; page site/index.html", files });
    expect(output).toContain("1 files from /site/");
    expect(await released()).toEqual([".slipway", "site", "static.json"]);
  });

  test("the first of several folders is served, and the log names the others", async () => {
    const { output } = await built({ build: "page build/index.html; page dist/index.html" });
    expect(output).toContain('Serving dist, and not build; the "root" of static.json selects another');
  });

  test("a build that writes no page fails, with the ways to name the folder or the server", async () => {
    const { exitCode, output } = await built({
      build: "page lib/index.html",
      files: { "public/index.html": "" },
    });
    expect(exitCode).toBe(1);
    expect(output).toMatch(
      /no folder with an index.html.*\n.*dist build.*\n.*\{"root": "FOLDER"\}.*\n.*"start" script/,
    );
  });

  test("a root that the build did not write fails the build", async () => {
    const { exitCode, output } = await built({ build: "true", files: { "static.json": '{"root":"site"}' } });
    expect(exitCode).toBe(1);
    expect(output).toContain("static.json: the root site does not exist.");
  });
});

describe("paths without a file", () => {
  const fallback = /map \$path \$fallback \{[^}]*default "([^"]*)";/;

  test.each<[string, string, string]>([
    ["index.html", "true", "/index.html"],
    ["no page when the build wrote a 404.html", "page dist/404.html", ""],
    ["the 200.html of the build", "page dist/404.html; page dist/200.html", "/200.html"],
  ])("paths without a file get %s", async (_page, build, page) => {
    await built({ build: `page dist/index.html; ${build}` });
    expect(fallback.exec(await nginxConf())?.[1]).toBe(page);
  });

  test("paths without a file get the page of routes when static.json names one", async () => {
    const files = { "static.json": '{"routes":{"/**":"app.html"}}' };
    await built({ build: "page dist/index.html", files });
    expect(await nginxConf()).toContain("try_files $uri $uri.html $uri/index.html /app.html =404;");
    expect(fallback.exec(await nginxConf())?.[1]).toBe("");
  });
});

describe("headers of static.json", () => {
  const withHeaders = async (headers: unknown) => {
    await runner.put("build/index.html", "");
    await runner.put("build/static.json", JSON.stringify({ headers }));
    return runner.run();
  };

  test("headers of static.json are written for nginx, the last path that matches first", async () => {
    const { output } = await withHeaders({
      "/**": { "X-Frame-Options": "DENY", "Cache-Control": "no-store" },
      "/a.b/*": { "x-frame-options": 'a "b"; c' },
    });
    expect(output).toContain("2 files from .");
    const text = await nginxConf();
    expect(text).toContain('    "~^/.*$" "no-store";\n    default $default_cache;');
    const rows = '    "~^/a[.]b/[^/]*$" "a \\"b\\"; c";\n    "~^/.*$" "DENY";\n';
    expect(text).toContain(`  map $path $header_0 {\n${rows}    default "";\n  }`);
    expect(text).toContain(" $header_0 always;");
  });

  test.each<[unknown, string]>([
    ["x", '"headers": must map paths'],
    [{ "/x": "y" }, '"headers": must map paths'],
    [{ x: { A: "b" } }, "the path x must begin with /"],
    [{ "/x": { "A:": "b" } }, "A: is not the name of a header"],
    [{ "/x": { ETag: "b" } }, "ETag cannot be set"],
    [{ "/x": { A: "$host" } }, "the value of A must be"],
    [{ "/x": { A: 1 } }, "the value of A must be"],
  ])("headers %j of static.json are refused", async (headers, message) => {
    const { exitCode, output } = await withHeaders(headers);
    expect(exitCode).toBe(1);
    expect(output).toContain(message);
  });
});

test("a static site without a build has no fallback, and its files are not immutable", async () => {
  await runner.put("build/index.html", "");
  const { exitCode } = await runner.run();
  expect(exitCode).toBe(0);
  const text = await nginxConf();
  expect(text).toContain("try_files $uri $uri/index.html =404;");
  expect(text).not.toMatch(/immutable|@(?!PORT)[A-Z]+@/);
});
