import { describe, expect, test } from "vitest";
import { refusal } from "@slipway/testkit";
import { planBuild } from "../plan.ts";
import { php } from "./plan.ts";

type Files = Readonly<Record<string, unknown>>;
type Variables = Readonly<Record<string, string>>;

function contentOf(content: unknown): Buffer {
  return Buffer.from(typeof content === "string" ? content : JSON.stringify(content));
}

function sourceOf(files: Files, variables: Variables) {
  const names = new Set(Object.keys(files).map((path) => path.replace(/\/.*/, "/")));
  const read = (name: string) => (name in files ? contentOf(files[name]) : undefined);
  return { read, names: [...names].sort(), variables };
}

function plan(files: Files, variables: Variables = {}) {
  return php.plan(sourceOf(files, variables));
}

const refused = (files: Files, variables: Variables = {}) => refusal((async () => plan(files, variables))());
const locked = (...packages: readonly object[]) => ({ packages, "packages-dev": [] });
const library = { name: "a/b", version: "1.0.0", type: "library", dist: { type: "zip", url: "https://x/y" } };
const manifest = { require: { php: "^8.1", "a/b": "^1" } };
const app = { "composer.json": manifest, "composer.lock": locked(library), "public/index.php": "<?php" };

describe("the detection of a PHP app", () => {
  test.each([[["composer.json"]], [["index.php", "package.json"]]])(
    "a source with %j is a PHP app",
    (names) => {
      expect(php.detects(names)).toBe(true);
    },
  );

  test.each<[string, Files, Variables]>([
    ["a front controller", { "public/index.php": "" }, {}],
    ["another folder that is served", {}, { WEBROOT: "htdocs" }],
    ["the choice of its user", {}, { BUILDPACK_NAME: "php" }],
  ])("a source with composer.json and package.json is a PHP app with %s", (_what, files, variables) => {
    const all = { "composer.json": "{}", "package.json": "{}", ...files };
    const source = sourceOf(all, variables);
    expect(php.detects(source.names, source)).toBe(true);
    const without = sourceOf({ "composer.json": "{}", "package.json": "{}" }, {});
    expect(php.detects(without.names, without)).toBe(false);
  });

  test("a Node.js app with a composer.json is planned as one of Node.js", () => {
    const files = { "composer.json": "{}", "package.json": "{}", "server.js": "" };
    const captured = new Map(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)]));
    const source = { captured, oversized: new Set<string>(), names: Object.keys(files), variables: {} };
    expect(planBuild(source).language?.kind).toBe("nodejs");
  });

  test("other files do not make a PHP app", () =>
    expect(php.detects(["page.php", "index.html"])).toBe(false));
});

describe("the folder that is served", () => {
  const root = (files: Files, variables: Variables = {}) => plan(files, variables).root;

  test("the folder that is served is that of a front controller, otherwise the app itself", () => {
    expect(root({ "public/index.php": "", "web/index.php": "" })).toBe("public");
    expect(root({ "web/index.php": "", "index.php": "" })).toBe("web");
    expect(root({ "index.php": "", "public/style.css": "" })).toBe(".");
    expect(plan({ "web/index.php": "" }).web).toBe("serve-php web");
  });

  test.each([{ "htdocs/index.php": "" }, { "server.js": "", "config/keys.json": "" }])(
    "an app without an index is an error, because everything that is served would be source: %j",
    async (files) => {
      const source = { "composer.json": {}, ...files };
      expect(await refused(source)).toMatch(/^build-failed: No folder to serve.*WEBROOT.*BUILDPACK_NAME/);
      expect(root(source, { WEBROOT: "htdocs" })).toBe("htdocs");
      expect(plan({ ...source, Procfile: "worker: php w.php" })).toMatchObject({ root: null, web: null });
      expect(php.plan({ ...sourceOf(source, {}), ownBuildpack: true }).web).toBeNull();
    },
  );

  test("the folder that is served is the app itself if it has an index.html", () =>
    expect(root({ "composer.json": {}, "index.html": "" })).toBe("."));

  test("the folder that is served is that of a front controller which is a link or too large to read", () => {
    const links = [{ path: "public/index.php", target: "app.php", leadsToFile: true }];
    const common = {
      captured: new Map([["composer.json", Buffer.from("{}")]]),
      names: ["composer.json", "public/"],
    };
    const oversized = new Set(["web/index.php"]);
    const linked = planBuild({ ...common, oversized: new Set(), links, variables: {} });
    expect(linked.language).toMatchObject({ root: "public" });
    expect(planBuild({ ...common, oversized, variables: {} }).language).toMatchObject({ root: "web" });
  });

  test("the folder that is served is named by WEBROOT, or by composer.json as for Scalingo", () => {
    const named = {
      "composer.json": { extra: { paas: { "document-root": "/docs/" } } },
      "public/index.php": "",
    };
    expect(root(named)).toBe("docs");
    expect(root(named, { WEBROOT: "site/www" })).toBe("site/www");
    expect(root(named, { WEBROOT: "./" })).toBe(".");
  });

  test.each(["../other", "a b", "x;reboot"])(
    "the WEBROOT %s is refused, because it is not a folder of the app",
    async (path) => {
      expect(await refused({}, { WEBROOT: path })).toMatch(
        /^build-failed: The variable WEBROOT is ".*must be a folder/,
      );
    },
  );
});

describe("an install of Composer apart from the source", () => {
  const installOf = (changes: Files, variables: Variables = {}) =>
    plan({ ...app, ...changes }, variables).install;

  test("an install of Composer has the files of Composer only, and fills vendor", () => {
    const install = installOf({ "auth.json": "{}" });
    expect([...(install?.files.keys() ?? [])]).toEqual(["composer.json", "composer.lock", "auth.json"]);
    expect(install).toMatchObject({ folder: "vendor", packageCount: 1 });
  });

  test("an install of Composer depends on its files and on variables of Composer, and on nothing else", () => {
    const digest = installOf({})?.digest;
    expect(installOf({ "src/x.php": "1" }, { DATABASE_URL: "x" })?.digest).toBe(digest);
    expect(installOf({}, { COMPOSER_AUTH: "{}" })?.digest).not.toBe(digest);
    expect(installOf({ "composer.lock": locked(library, { ...library, name: "c/d" }) })?.digest).not.toBe(
      digest,
    );
  });

  test("an install of Composer makes an autoloader for an app without packages", () => {
    expect(installOf({ "composer.lock": locked() })?.packageCount).toBe(1);
  });

  test.each<[string, Files]>([
    ["vendor is part of the source", { "vendor/autoload.php": "" }],
    [
      "a package comes from a folder",
      { "composer.lock": locked({ ...library, dist: { type: "path", url: "lib" } }) },
    ],
    [
      "a repository is a folder",
      { "composer.json": { ...manifest, repositories: [{ type: "path", url: "lib" }] } },
    ],
    [
      "a repository is a file",
      { "composer.json": { ...manifest, repositories: { x: { type: "composer", url: "./r" } } } },
    ],
    ["a plugin may install elsewhere", { "composer.lock": locked({ ...library, type: "composer-plugin" }) }],
    [
      "the autoloader lists classes of the app",
      { "composer.json": { ...manifest, autoload: { classmap: ["db"] } } },
    ],
    [
      "a script runs during the install",
      { "composer.json": { ...manifest, scripts: { "pre-install-cmd": "x" } } },
    ],
    [
      "only classes in the autoloader's list can be loaded",
      { "composer.json": { ...manifest, config: { "classmap-authoritative": true } } },
    ],
    [
      "symfony/runtime reads a template of the app",
      { "composer.json": { ...manifest, extra: { runtime: { autoload_template: "boot.php" } } } },
    ],
    [
      "certificates are a file of the source",
      { "composer.json": { ...manifest, config: { cafile: "ca.pem" } } },
    ],
    ["vendor has another name", { "composer.json": { ...manifest, config: { "vendor-dir": "lib" } } }],
  ])("an install of Composer apart from the source is not possible when %s", (_when, changes) => {
    expect(installOf(changes)).toBeNull();
  });

  test.each([{ COMPOSER: "prod.json" }, { COMPOSER_VENDOR_DIR: "lib" }])(
    "an install of Composer apart from the source is not possible when the variables %j lead to other files",
    (variables) => {
      expect(installOf({ "prod.json": "{}" }, variables)).toBeNull();
    },
  );

  test("an install of Composer apart from the source is possible with classes and files that the autoloader looks for when they are used", () => {
    const autoload = {
      "psr-4": { "App\\": "src/" },
      files: ["src/f.php"],
      "exclude-from-classmap": ["/tests/"],
    };
    const config = { "optimize-autoloader": true, "classmap-authoritative": false };
    expect(installOf({ "composer.json": { ...manifest, autoload, config } })).not.toBeNull();
  });

  test("an install of Composer apart from the source is possible with plugins that write into vendor only, and with scripts that run after it", () => {
    const scripts = {
      "post-install-cmd": ["@auto-scripts"],
      "auto-scripts": { "cache:clear": "symfony-cmd" },
    };
    const symfony = {
      ...app,
      "composer.json": { ...manifest, scripts },
      "composer.lock": locked({ ...library, name: "symfony/runtime", type: "composer-plugin" }),
    };
    expect(plan(symfony)).toMatchObject({ install: { packageCount: 1 }, scripts: "build" });
    expect(
      plan({ ...app, "composer.json": { ...manifest, scripts: { "post-update-cmd": "x" } } }).scripts,
    ).toBe("none");
  });
});

describe("without composer.lock", () => {
  test("packages without a composer.lock are an error that says what to do", async () => {
    expect(await refused({ "composer.json": manifest })).toMatch(
      /^build-failed: composer\.lock is missing.*Run: composer update/,
    );
    expect(await refused({ "composer.json": { autoload: { "psr-4": {} } } })).toMatch(
      /composer\.lock is missing/,
    );
  });

  test("an app without packages needs no composer.lock and no install, and a vendor of the source is used", () => {
    expect(plan({ "index.php": "" }).install).toMatchObject({ packageCount: 0 });
    expect(
      plan({ "index.php": "", "composer.json": { require: { "ext-intl": "*" } } }).install,
    ).toMatchObject({
      packageCount: 0,
    });
    expect(plan({ "index.php": "", "composer.json": manifest, "vendor/autoload.php": "" })).toMatchObject({
      install: { packageCount: 0 },
      warnings: [expect.stringContaining("vendor is used as it is")],
    });
  });
});

test("the version of PHP that composer.json requires is known when no install checks it", () => {
  expect(plan({ "index.php": "", "composer.json": { require: { php: "^8.1" } } }).uncheckedPhp).toBe("^8.1");
  const vendor = { "index.php": "", "composer.json": manifest, "vendor/autoload.php": "" };
  expect(plan(vendor).uncheckedPhp).toBe("^8.1");
  expect(plan(app).uncheckedPhp).toBe("");
});

test("a file that is no JSON, and one that cannot be read, are errors with its name", async () => {
  expect(await refused({ ...app, "composer.lock": "<<<<<<< HEAD" })).toMatch(
    /composer\.lock is not valid JSON/,
  );
  const names = ["composer.json"];
  const unreadable = async () => php.plan({ read: () => undefined, names, variables: {} });
  expect(await refusal(unreadable())).toMatch(/composer\.json must be a regular file of at most 1 MiB/);
});
