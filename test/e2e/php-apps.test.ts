// Apps in PHP, on the PHP of the stack's distribution, with and without Composer packages.

import { expect, test, vi } from "vitest";
import { packTarGz } from "@slipway/testkit";
import { call, createApp, logOf, page, showApp, visit } from "./slipway.ts";

// The first deployment creates the toolchain. The deployments of these tests wait for each other, because the workers run two at a time.
vi.setConfig({ testTimeout: 600_000 });

type Files = Readonly<Record<string, string>>;

function packed(files: Files): Promise<Buffer> {
  return packTarGz(
    Object.fromEntries(Object.entries(files).map(([name, content]) => [`app/${name}`, content])),
  );
}

async function statusOf(name: string, path: string): Promise<number> {
  return (await visit(new URL(path, (await showApp(name)).url))).status;
}

/** A package with PHP classes that npm's registry also contains. */
const stylePackage = {
  name: "test/style-engine",
  version: "2.0.0",
  dist: {
    type: "tar",
    url: "https://registry.npmjs.org/@wordpress/style-engine/-/style-engine-2.0.0.tgz",
    shasum: "66e680e45a0e47ff7f9b34055225c21e7876957e",
  },
  autoload: { classmap: ["."] },
};
const manifest = {
  name: "test/app",
  require: { php: "^8.1", "ext-mbstring": "*", "ext-pdo_pgsql": "*", "test/style-engine": "2.0.0" },
  repositories: [{ "packagist.org": false }, { type: "package", package: stylePackage }],
  autoload: { "psr-4": { "App\\": "src/" } },
};
const lock = {
  "content-hash": "5bbd060b9138439711f0c24b9ae7cf78",
  packages: [{ ...stylePackage, type: "library" }],
  "packages-dev": [],
  aliases: [],
  "minimum-stability": "stable",
  "stability-flags": [],
  "prefer-stable": false,
  "prefer-lowest": false,
  platform: { php: "^8.1", "ext-mbstring": "*", "ext-pdo_pgsql": "*" },
  "platform-dev": [],
  "plugin-api-version": "2.3.0",
};
const controller = `<?php
require __DIR__ . "/../vendor/autoload.php";
if ($_SERVER["REQUEST_URI"] === "/class") exit(get_debug_type(new WP_Style_Engine_CSS_Declarations()));
echo App\\Greeting::text(), " ", $_SERVER["REQUEST_URI"];
`;
const greeting = (text: string) =>
  `<?php\nnamespace App;\nclass Greeting { public static function text() { return "${text}"; } }\n`;
const app = {
  "composer.json": JSON.stringify(manifest),
  "composer.lock": JSON.stringify(lock),
  "public/index.php": controller,
  "public/.env": "secret",
  "public/style.css": "body {}",
};

test.concurrent("an app with packages is served from public, and a changed file is deployed without an install", async () => {
  const { name } = await createApp("php");
  const first = await logOf(name, await packed({ ...app, "src/Greeting.php": greeting("first") }), "success");
  expect(first).toMatch(/Using PHP 8\.\d+\.\d+ and Composer 2\.\S+ of the stack's distribution/);
  expect(first).toContain("The folder that is served is public");
  expect(first).toContain("Installing test/style-engine (2.0.0)");
  expect(await page(name, "/some/path?x=1")).toBe("first /some/path?x=1");
  expect(await page(name, "/class")).toBe("WP_Style_Engine_CSS_Declarations");
  expect(await page(name, "/style.css")).toBe("body {}");
  expect(await statusOf(name, "/.env")).toBe(404);

  const second = await logOf(
    name,
    await packed({ ...app, "src/Greeting.php": greeting("second") }),
    "success",
  );
  expect(second).toContain("Dependencies have not changed");
  expect(second).not.toContain("Installing dependencies");
  expect(second).not.toContain("packages of the stack's distribution");
  expect(await page(name, "/")).toBe("second /");
});

test.concurrent("scripts of composer.json run in a build with the source, and are left out of the install", async () => {
  const { name } = await createApp("php-scripts");
  const scripts = {
    "post-install-cmd": ["@php build.php installed"],
    "post-autoload-dump": "@php build.php dumped",
  };
  const files = {
    ...app,
    "composer.json": JSON.stringify({ ...manifest, scripts }),
    "build.php":
      '<?php require "vendor/autoload.php"; file_put_contents("built.txt", App\\Greeting::text() . " $argv[1]\n", FILE_APPEND);',
    "public/index.php": '<?php readfile("../built.txt");',
    "src/Greeting.php": greeting("made"),
  };
  const log = await logOf(name, await packed(files), "success");
  expect(log).toMatch(/Installing dependencies[^]*Running post-autoload-dump[^]*Running post-install-cmd/);
  expect(log).not.toContain("begins again");
  expect(await page(name)).toBe("made dumped\nmade installed\n");

  // The app's classes are in the class map, so it is generated with them.
  const config = { "classmap-authoritative": true };
  const authoritative = { ...files, "composer.json": JSON.stringify({ ...manifest, scripts, config }) };
  await logOf(name, await packed(authoritative), "success");
  expect(await page(name)).toBe("made dumped\nmade installed\n");
});

test.concurrent("an app of index.php alone is served without Composer, and its code and lists of packages are not", async () => {
  const { name } = await createApp("php-plain");
  const files = {
    "index.php":
      '<?php echo "plain ", basename(__DIR__), " ", ini_get("display_errors") ?: "quiet", " ", ini_get("post_max_size");',
    "address.php": '<?php echo $_SERVER["REMOTE_ADDR"];',
    ".well-known/x.php": "<?php",
    "db.sqlite": "secret",
    "page.php": '<?php echo "page ", $_SERVER["PATH_INFO"] ?? "";',
    "composer.json": "{}",
    "vendor/secret.php": '<?php echo "secret";',
    "vendor/notes.txt": "secret",
  };
  const log = await logOf(name, await packed(files), "success");
  expect(log).toContain("The folder that is served is the app itself");
  expect(log).toContain("composer.lock is missing, so vendor is used as it is");
  expect(await page(name)).toBe("plain app quiet 64M");
  expect(await page(name, "/page.php/more")).toBe("page /more");
  expect(await page(name, "/address.php")).toMatch(/^(?:127\.0\.0\.1|::1)$/);
  const hidden = [
    "/composer.json",
    "/vendor/secret.php",
    "/vendor/notes.txt",
    "/db.sqlite",
    "/.well-known/x.php",
  ];
  for (const path of [...hidden, "/no.php", "/.git/config"])
    expect([path, await statusOf(name, path)]).toEqual([path, 404]);
});

test.concurrent("a version or an extension that the stack lacks, and a missing composer.lock, fail before an install", async () => {
  const { name } = await createApp("php-fails");
  const require = { ...manifest.require, php: "^9.0", "ext-nonexistent": "*" };
  const changed = {
    "composer.json": JSON.stringify({ ...manifest, require }),
    "composer.lock": JSON.stringify({ ...lock, platform: { php: "^9.0", "ext-nonexistent": "*" } }),
  };
  const lacking = await logOf(name, await packed({ ...app, ...changed }), "build-error");
  expect(lacking).toMatch(/php \^9\.0, which test\/app requires: this is 8\./);
  expect(lacking).toMatch(/ext-nonexistent \*, which test\/app requires: not available/);
  expect(lacking).not.toContain("Installing dependencies");
  const { "composer.lock": _lock, ...withoutLock } = app;
  const missing = await logOf(name, await packed(withoutLock), "build-error");
  expect(missing).toContain("composer.lock is missing");
  expect(missing).toContain("Run: composer update");
});

test.concurrent("WEBROOT selects the folder, WEB_CONCURRENCY the number of processes, and a Procfile the server", async () => {
  const { name } = await createApp("php-root");
  for (const [variable, value] of Object.entries({ WEBROOT: "site", WEB_CONCURRENCY: "1" }))
    await call("POST", `/v1/apps/${name}/variables`, { variable: { name: variable, value } });
  const files = { "index.php": "<?php echo 'root';", "site/index.php": "<?php echo 'site';" };
  await logOf(name, await packed(files), "success");
  expect(await page(name)).toBe("site");
  await logOf(name, await packed({ ...files, Procfile: "web: php -S 0.0.0.0:$PORT index.php" }), "success");
  expect(await page(name)).toBe("root");
});
