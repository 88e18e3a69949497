// Apps in Ruby, on the Ruby of the stack's distribution, with a gem that is part of the source and has a C extension.

import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { expect, test, vi } from "vitest";
import { packTar, packTarGz } from "@slipway/testkit";
import { createApp, logOf, page } from "./slipway.ts";

// The first deployment creates the toolchain. The deployments of these tests wait for each other, because the workers run two at a time.
vi.setConfig({ testTimeout: 600_000 });

type Files = Readonly<Record<string, string | Uint8Array>>;

function packed(files: Files): Promise<Buffer> {
  return packTarGz(
    Object.fromEntries(Object.entries(files).map(([name, content]) => [`app/${name}`, content])),
  );
}

const gemFiles = {
  "lib/greeting.rb": 'require "greeting/native"\n',
  "ext/greeting/extconf.rb": 'require "mkmf"\ncreate_makefile("greeting/native")\n',
  "ext/greeting/native.c": `#include <ruby.h>
static VALUE text(VALUE self) { return rb_str_new_cstr("hello from C"); }
void Init_native(void) { rb_define_singleton_method(rb_define_module("Greeting"), "text", text, 0); }
`,
};
const gemSpecification = `--- !ruby/object:Gem::Specification
name: greeting
version: !ruby/object:Gem::Version
  version: 1.0.0
platform: ruby
authors: [test]
date: 2026-01-01 00:00:00.000000000 Z
dependencies: []
extensions: [ext/greeting/extconf.rb]
files: [${Object.keys(gemFiles).join(", ")}]
require_paths: [lib]
specification_version: 4
summary: greets
`;

/** A gem is a tar that contains its specification and its files. */
async function greetingGem(): Promise<Buffer> {
  return await packTar({
    "metadata.gz": await promisify(gzip)(gemSpecification),
    "data.tar.gz": await packTarGz(gemFiles),
  });
}

const lock = (gems: readonly string[]) => `GEM
  remote: https://rubygems.org/
  specs:
${gems.map((name) => `    ${name} (1.0.0)\n`).join("")}
PLATFORMS
  ruby

DEPENDENCIES
${gems.map((name) => `  ${name}\n`).join("")}
BUNDLED WITH
   2.6.2
`;
/** Answers each connection. A connection that only checks whether the server listens may already be closed. */
const server = (text: string) => `require "socket"
server = TCPServer.new("0.0.0.0", ENV.fetch("PORT").to_i)
Signal.trap("TERM") { exit }
loop do
  client = server.accept
  body = ${text}
  client.write "HTTP/1.1 200 OK\\r\\nContent-Length: #{body.length}\\r\\nConnection: close\\r\\n\\r\\n#{body}" rescue nil
  client.close
end
`;
const plain = {
  Gemfile: 'source "https://rubygems.org"\n',
  "Gemfile.lock": lock([]),
  Procfile: "web: ruby server.rb\n",
};
const withGem = {
  ...plain,
  Procfile: "web: ruby -rbundler/setup server.rb\n",
  Gemfile: 'source "https://rubygems.org"\ngem "greeting"\n',
  "Gemfile.lock": lock(["greeting"]),
  "server.rb": `require "greeting"\n${server('Greeting.text + " " + ENV["RACK_ENV"]')}`,
};

test.concurrent("a gem of vendor/cache is installed, and its extension is compiled in the build", async () => {
  const { name } = await createApp("ruby");
  const source = { ...withGem, "vendor/cache/greeting-1.0.0.gem": await greetingGem() };
  const log = await logOf(name, await packed(source), "success");
  expect(log).toMatch(/Using Ruby 3\.\d+\.\S+ and Bundler 2\.\S+ of the stack's distribution/);
  expect(log).toContain("Gemfile.lock was written by Bundler 2.6.2, and is installed by Bundler");
  expect(log).toContain("Installing greeting 1.0.0 with native extensions");
  expect(await page(name)).toBe("hello from C production");
});

test.concurrent("an app without gems is deployed without a build, also after a change", async () => {
  const { name } = await createApp("ruby-plain");
  for (const text of ["first", "second"]) {
    const log = await logOf(name, await packed({ ...plain, "server.rb": server(`"${text}"`) }), "success");
    expect(log).not.toContain("Installing dependencies");
    expect(await page(name)).toBe(text);
  }
});

test.concurrent("a missing Gemfile.lock, one that does not agree, and another version of Ruby fail with what to do", async () => {
  const { name } = await createApp("ruby-fails");
  const { "Gemfile.lock": _lock, ...withoutLock } = withGem;
  const missing = await logOf(name, await packed(withoutLock), "build-error");
  expect(missing).toContain("Gemfile.lock is missing");
  const disagreeing = { ...withGem, Gemfile: `${withGem.Gemfile}gem "other"\n` };
  const changed = await logOf(name, await packed(disagreeing), "build-error");
  expect(changed).toContain("Gemfile and Gemfile.lock do not agree (see above).");
  const old = { ...withGem, Gemfile: `ruby "2.1.0"\n${withGem.Gemfile}` };
  const version = await logOf(name, await packed(old), "build-error");
  expect(version).toContain("Gemfile names another version of Ruby than that of this stack");
});
