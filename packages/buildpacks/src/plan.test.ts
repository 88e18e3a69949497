import { describe, expect, test } from "vitest";
import { refusal } from "@slipway/testkit";
import { controlFiles, planBuild, runnerArguments } from "./plan.ts";
import { projectDirectory } from "./plan-source.ts";

const lock = JSON.stringify({ lockfileVersion: 3, packages: { "": {} } });
const nodeApp = { "package.json": '{"scripts":{"start":"node ."}}', "package-lock.json": lock };
const inlineScripts = { "bin/detect": "", "bin/compile": "" };

function plan(files: Readonly<Record<string, string>>, variables: Readonly<Record<string, string>> = {}) {
  const folder = projectDirectory(variables);
  const prefix = folder === "" ? "" : `${folder}/`;
  const wanted = controlFiles(folder);
  const captured = new Map<string, Buffer>();
  const oversized = new Set<string>();
  for (const [path, text] of Object.entries(files)) {
    const maxBytes = wanted.get(path);
    if (maxBytes === undefined) continue;
    if (text.length > maxBytes) oversized.add(path);
    else captured.set(path, Buffer.from(text));
  }
  const below = Object.keys(files).filter((path) => path.startsWith(prefix));
  const names = new Set(below.map((path) => path.slice(prefix.length).replace(/\/.*/, "/")));
  return planBuild({ captured, oversized, names: [...names].sort(), variables });
}

test("a Node.js app is planned, with its Procfile and .slugignore", () => {
  const { language, procfile, slugIgnore } = plan({ ...nodeApp, Procfile: "web: x", ".slugignore": "docs" });
  expect(language).toMatchObject({ scripts: "none", web: "npm start" });
  expect([procfile, slugIgnore]).toEqual(["web: x", "docs"]);
});

describe("no Node.js is planned", () => {
  test.each<[string, Record<string, string>, Record<string, string>]>([
    ["without a package.json", { "index.html": "" }, {}],
    ["when another buildpack is chosen", { ...nodeApp, "index.html": "" }, { BUILDPACK_NAME: "static" }],
    ["when buildpacks are given by URL", nodeApp, { BUILDPACK_URL: "https://example.com/x.tgz" }],
    ["when buildpacks are listed in the source", { ...nodeApp, ".buildpacks": "https://example.com/x" }, {}],
    ["outside PROJECT_DIR", { ...nodeApp, "site/index.html": "" }, { PROJECT_DIR: "site" }],
  ])("no Node.js is planned %s", (_when, files, variables) => {
    expect(plan(files, variables).language).toBeNull();
  });
});

describe("buildpacks by URL", () => {
  const names = (files: Record<string, string>, variables: Record<string, string> = {}) =>
    plan(files, variables).buildpacks?.map(({ name }) => name);

  test("BUILDPACK_URL goes before .buildpacks, and both before BUILDPACK_NAME and the source's own scripts", () => {
    const files = {
      ...nodeApp,
      ...inlineScripts,
      ".buildpacks": "https://a.test/one.git\nhttps://a.test/two.git\n",
    };
    expect(names(files, { BUILDPACK_NAME: "nodejs" })).toEqual(["one", "two"]);
    expect(names(files, { BUILDPACK_URL: "https://a.test/three.tgz" })).toEqual(["three"]);
    expect(plan({ ...nodeApp, ".buildpacks/x": "" }).buildpacks).toBeNull();
  });

  test(".buildpacks is read in PROJECT_DIR", () => {
    const files = { ".buildpacks": "https://a.test/one", "web/.buildpacks": "https://a.test/two" };
    expect(names(files, { PROJECT_DIR: "web" })).toEqual(["two"]);
  });

  test("a .buildpacks that is too large is refused", () => {
    expect(() => names({ ".buildpacks": "#".repeat(100_000) })).toThrow(
      "is not a text file of at most 64 KiB",
    );
  });
});

test("PROJECT_DIR is planned by its own files", () => {
  const files = {
    "apps/web/package.json": '{"engines":{"node":"22"}}',
    "apps/web/server.js": "",
    ...nodeApp,
  };
  for (const PROJECT_DIR of ["apps/web", "/apps/web/", "./apps/../apps/web"])
    expect(plan(files, { PROJECT_DIR }).language).toMatchObject({
      node: { wanted: "22" },
      install: null,
    });
});

test("a front end in PROJECT_DIR is planned by its own static.json", () => {
  const files = {
    "web/package.json": '{"scripts":{"build":"make","start":"node x"}}',
    "web/static.json": '{"root":"site"}',
  };
  expect(plan(files, { PROJECT_DIR: "web" }).language?.releasedOn).toBe("stack");
});

describe("PROJECT_DIR is a workspace of a monorepo", () => {
  const root = {
    "package.json": JSON.stringify({
      workspaces: ["apps/*"],
      packageManager: "pnpm@9.1.0",
      engines: { node: "22" },
    }),
    "pnpm-lock.yaml": "lockfileVersion: '9.0'\n",
  };
  const app = {
    "apps/api/package.json": '{"scripts":{"start":"node ."}}',
    "apps/api/Procfile": "web: node .",
  };
  const variables = { PROJECT_DIR: "apps/api" };

  test("a workspace is planned with the lock file, the package manager and the Node.js of the root", () => {
    const { language, procfile } = plan({ ...root, ...app }, variables);
    expect(language).toMatchObject({
      packageManager: { name: "pnpm", wanted: "9.1.0", lockfileVersion: "9.0" },
      node: { wanted: "22" },
      install: null,
      web: "npm start",
      warnings: [],
    });
    expect(procfile).toBe("web: node .");
    expect(runnerArguments(plan({ ...root, ...app }, variables))).toEqual(["web=npm start", "monorepo="]);
    const own = { "apps/api/.nvmrc": "24" };
    expect(plan({ ...root, ...app, ...own }, variables).language).toMatchObject({ node: { wanted: "24" } });
  });

  test("pnpm-workspace.yaml names workspaces, too, in any folder above", () => {
    const folder = {
      "x/package.json": "{}",
      "x/pnpm-workspace.yaml": "packages:\n  - apps/*\n",
      "x/pnpm-lock.yaml": "",
    };
    const below = { "x/apps/api/package.json": '{"scripts":{"start":"node ."}}' };
    const { language, monorepo } = plan({ ...folder, ...below }, { PROJECT_DIR: "x/apps/api" });
    expect(language).toMatchObject({ packageManager: { name: "pnpm" } });
    expect(runnerArguments({ language, monorepo, assets: null })).toEqual(["web=npm start", "monorepo=x"]);
  });

  test.each<[string, Record<string, string>]>([
    ["has a lock file of its own", { ...root, ...app, "apps/api/package-lock.json": lock }],
    ["is below a package without workspaces", { ...root, ...app, "package.json": "{}" }],
  ])("a folder that %s is no workspace", (_which, files) => {
    expect(plan(files, variables).language).toMatchObject({ packageManager: null });
    expect(runnerArguments(plan(files, variables))).toEqual(["web=npm start"]);
  });
});

test.each(["..", "../other", "a/../../b", "."])(
  "PROJECT_DIR %j is planned like the whole source",
  (given) => {
    expect(projectDirectory({ PROJECT_DIR: given })).toBe("");
  },
);

describe("an app that may be its own buildpack", () => {
  test("an app that may be its own buildpack gets a build container with Node.js, because its bin/detect decides only there", () => {
    expect(plan({ ...nodeApp, ...inlineScripts }).language).toMatchObject({ install: null });
  });

  test("an app that may be its own buildpack is no front end, because its bin/release says what serves", () => {
    const frontEnd = { "package.json": '{"scripts":{"build":"vite build"}}' };
    expect(plan(frontEnd).language?.releasedOn).toBe("stack");
    expect(runnerArguments(plan(frontEnd))).toEqual(["front-end"]);
    expect(plan({ ...frontEnd, ...inlineScripts }).language?.releasedOn).toBe("dependencies");
  });

  test("an app that may be its own buildpack is not refused for its package.json", async () => {
    expect(plan({ "package.json": "{", ...inlineScripts }).language).toBeNull();
    const chosen = { BUILDPACK_NAME: "nodejs" };
    const refused = refusal((async () => plan({ "package.json": "{", ...inlineScripts }, chosen))());
    expect(await refused).toMatch(/^build-failed: package.json is not valid JSON/);
  });
});
