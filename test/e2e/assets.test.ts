// Apps in PHP and Ruby whose package.json builds their assets with Node.js, which is not part of their releases.

import { expect, test, vi } from "vitest";
import { packTarGz } from "@slipway/testkit";
import { createApp, logOf, page } from "./slipway.ts";
import { lockedApp, npmLock, yarn1Lock } from "./lock-files.ts";

// The first deployment creates the toolchains. The deployments of these tests wait for each other, because the workers run two at a time.
vi.setConfig({ testTimeout: 600_000 });

type Files = Readonly<Record<string, string>>;

function packed(files: Files): Promise<Buffer> {
  return packTarGz(
    Object.fromEntries(Object.entries(files).map(([name, content]) => [`app/${name}`, content])),
  );
}

/** The assets contain values that the build found: a devDependency, and the packages of the app's own language. */
const build = (packages: string) => `const fs = require("fs");
fs.mkdirSync("public/build", { recursive: true });
fs.writeFileSync("public/build/app.js", [fs.readFileSync("assets.js", "utf8"), require("is-number")(7), fs.existsSync("${packages}")].join(" "));
`;
const manifest = (scripts: Files) => JSON.stringify({ ...lockedApp, scripts });
const installs = /(?:npm ci|yarn install|composer install|bundle install)/;

const composer = {
  "composer.json": JSON.stringify({
    require: {},
    autoload: { "psr-4": { "App\\": "src/" } },
    scripts: { "post-autoload-dump": "@php list.php" },
  }),
  "composer.lock": JSON.stringify({
    "content-hash": "a7f5d8c2b1e04d6f9c3a8b7e6d5c4f3a",
    packages: [],
    "packages-dev": [],
    aliases: [],
    "minimum-stability": "stable",
    "stability-flags": {},
    "prefer-stable": false,
    "prefer-lowest": false,
    platform: {},
    "platform-dev": {},
  }),
};
const laravel = {
  ...composer,
  "package.json": manifest({ build: "node build.js" }),
  "package-lock.json": npmLock,
  "build.js": build("vendor/autoload.php"),
  "assets.js": "first",
  // Runs after the assets are built.
  "list.php": '<?php copy("public/build/app.js", "public/listed.txt");',
  "public/index.php": `<?php
$found = is_dir("/app/node_modules") || shell_exec("command -v node") ? "with Node.js" : "without Node.js";
echo file_get_contents("build/app.js"), " ", file_get_contents("listed.txt"), " ", $found;`,
};

test.concurrent("the assets of a PHP app are built before the scripts of Composer, and a changed one is deployed without an install", async () => {
  const { name } = await createApp("php-assets");
  const first = await logOf(name, await packed(laravel), "success");
  expect(first).toMatch(/Using PHP 8[^]*Using Node\.js \d+\.\d+\.\d+ and npm/);
  expect(first).toContain("Node.js is part of the build only: package.json builds assets");
  expect(first).toMatch(/Running the script build\n[^]*Running post-autoload-dump of composer\.json/);
  expect(await page(name)).toBe("first true true first true true without Node.js");

  const second = await logOf(name, await packed({ ...laravel, "assets.js": "second" }), "success");
  expect(second).not.toMatch(installs);
  expect(second).toContain("Running the script build");
  expect(await page(name)).toBe("second true true second true true without Node.js");

  // For the release, only changed packages are installed.
  const changed = manifest({ build: "node build.js" }).replace("1.2.3", "1.2.4");
  const third = await logOf(
    name,
    await packed({
      ...laravel,
      "package.json": changed,
      "package-lock.json": npmLock.replaceAll("1.2.3", "1.2.4"),
    }),
    "success",
  );
  expect(third).toContain("npm ci");
  expect(third).toContain("Dependencies have not changed: using those of an earlier deployment");
  expect(await page(name)).toBe("first true true first true true without Node.js");
});

/** Answers each connection. A connection that only checks whether the server listens may already be closed. */
const server = `require "socket"
server = TCPServer.new("0.0.0.0", ENV.fetch("PORT").to_i)
Signal.trap("TERM") { exit }
loop do
  client = server.accept
  node = system("command -v node >/dev/null") ? "with Node.js" : "without Node.js"
  body = [File.read("public/build/app.js"), File.exist?("node_modules"), node].join(" ")
  client.write "HTTP/1.1 200 OK\\r\\nContent-Length: #{body.length}\\r\\nConnection: close\\r\\n\\r\\n#{body}" rescue nil
  client.close
end
`;
const rails = {
  Gemfile: 'source "https://rubygems.org"\n',
  "Gemfile.lock": "GEM\n  remote: https://rubygems.org/\n  specs:\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n",
  Procfile: "web: ruby server.rb\n",
  "server.rb": server,
  "package.json": manifest({ build: "node build.js" }),
  "yarn.lock": yarn1Lock,
  "build.js": build("Gemfile"),
  "assets.js": "first",
};

test.concurrent("the assets of a Ruby app are built with yarn, and a changed one is deployed without an install of packages", async () => {
  const { name } = await createApp("ruby-assets");
  const first = await logOf(name, await packed(rails), "success");
  expect(first).toMatch(/Using Ruby 3[^]*Using Node\.js \S+ and yarn 1\./);
  expect(first).toContain("yarn install --frozen-lockfile");
  expect(await page(name)).toBe("first true true false without Node.js");
  const second = await logOf(name, await packed({ ...rails, "assets.js": "second" }), "success");
  expect(second).not.toContain("yarn install");
  expect(await page(name)).toBe("second true true false without Node.js");
});

test.concurrent("a release has Node.js and its packages if the web process calls it", async () => {
  const { name } = await createApp("ruby-node");
  const web = `web: node -e 'require("ms")' && test ! -e node_modules/is-number && ruby server.rb\n`;
  const log = await logOf(name, await packed({ ...rails, Procfile: web }), "success");
  expect(log).toContain("Node.js is part of the build and of the release, because the Procfile calls it");
  expect(log).toContain("Pruning devDependencies");
  expect(await page(name)).toBe("first true true true with Node.js");
});

test.concurrent("DISABLE_ASSETS leaves Node.js out, and a lock file that is missing is warned about", async () => {
  const { name } = await createApp("php-no-assets");
  const { "package-lock.json": _lock, ...withoutLock } = laravel;
  const files = { ...withoutLock, "list.php": "<?php", "public/index.php": "<?php echo 'plain';" };
  const log = await logOf(name, await packed(files), "success");
  expect(log).toContain("The build script of package.json does not run, because there is no lock file");
  expect(log).not.toContain("Node.js");
  expect(await page(name)).toBe("plain");
});
