import { describe, expect, test } from "vitest";
import { refusal } from "@slipway/testkit";
import { ruby } from "./plan.ts";

type Files = Readonly<Record<string, string>>;

function plan(files: Files, variables: Readonly<Record<string, string>> = {}) {
  const names = new Set(Object.keys(files).map((path) => path.replace(/\/.*/, "/")));
  const read = (name: string) => (name in files ? Buffer.from(files[name] ?? "") : undefined);
  return ruby.plan({ read, names: [...names].sort(), variables });
}

const refused = (files: Files) => refusal((async () => plan(files))());
const lock = (...gems: readonly string[]) =>
  `GEM\n  remote: https://rubygems.org/\n  specs:\n${gems.map((gem) => `    ${gem}\n`).join("")}      nested (>= 1)\n\nDEPENDENCIES\n  x\n`;
const gemfile = 'source "https://rubygems.org"\ngem "puma"\n';
const app = { Gemfile: gemfile, "Gemfile.lock": lock("puma (6.4.2)", "nio4r (2.7.0)"), "config.ru": "" };

test("a Ruby app has a Gemfile, and a config.ru or a Procfile", () => {
  expect(ruby.detects(["Gemfile", "config.ru"])).toBe(true);
  expect(ruby.detects(["Gemfile", "Procfile", "package.json"])).toBe(true);
  expect(ruby.detects(["Gemfile", "package.json"])).toBe(false);
  expect(ruby.detects(["config.ru"])).toBe(false);
});

describe("the command of the web process", () => {
  const web = (gems: readonly string[], files: Files = {}) =>
    plan({ ...app, "Gemfile.lock": lock(...gems), ...files }).web;

  test.each([
    [["railties (7.1.0)", "puma (6.4.2)"], "bundle exec rails server -b 0.0.0.0 -p $PORT -P /tmp/server.pid"],
    [["puma (6.4.2)", "rack (3.0.0)"], "bundle exec puma --bind tcp://0.0.0.0:$PORT"],
    [["rack (2.2.8)", "webrick (1.8.1)"], "bundle exec rackup --host 0.0.0.0 --port $PORT"],
    [["rack (3.0.0)", "rackup (2.1.0)"], "bundle exec rackup --host 0.0.0.0 --port $PORT"],
  ])("the web process of %j is that of its server", (gems, command) => {
    expect(web(gems)).toBe(command);
  });

  test("an app without a server is an error that says what to add, unless it has a Procfile", async () => {
    const without = { ...app, "Gemfile.lock": lock("rack (3.0.0)") };
    expect(await refused(without)).toMatch(/^build-failed: No server for config\.ru.*Add the gem puma/);
    expect(plan({ ...without, Procfile: "web: x" }).web).toBeNull();
  });
});

describe("an install of gems apart from the source", () => {
  const installOf = (changes: Files, variables = {}) => plan({ ...app, ...changes }, variables).install;

  test("an install of gems has the files of Bundler only, and fills .gems", () => {
    const install = installOf({ ".ruby-version": "3.1.2" });
    expect([...(install?.files.keys() ?? [])]).toEqual(["Gemfile", "Gemfile.lock", ".ruby-version"]);
    expect(install).toMatchObject({ folder: ".gems", packageCount: 2 });
  });

  test("an install of gems depends on its files, on variables of Bundler, and on those that Gemfile reads", () => {
    const digest = installOf({})?.digest;
    expect(installOf({ "app.rb": "1" }, { DATABASE_URL: "x" })?.digest).toBe(digest);
    expect(installOf({}, { BUNDLE_WITHOUT: "x" })?.digest).not.toBe(digest);
    const reading = { Gemfile: `${gemfile}gem "a" if ENV["EXTRA"]\n` };
    expect(installOf(reading, { EXTRA: "1" })?.digest).not.toBe(installOf(reading)?.digest);
    expect(installOf(reading, { OTHER: "1" })?.digest).toBe(installOf(reading)?.digest);
  });

  test.each(['ENV.key?("EXTRA")', 'ENV.fetch "EXTRA"', 'ENV.values_at("EXTRA")', 'ENV["EX#{1}"]'])(
    "an install of gems depends on all variables when Gemfile reads some by %s",
    (expression) => {
      const reading = { Gemfile: `${gemfile}gem "a" if ${expression}\n` };
      expect(installOf(reading, { EXTRA: "1" })?.digest).not.toBe(installOf(reading)?.digest);
    },
  );

  test.each(["`git describe`", "%x(id)", 'system("id")', 'YAML.load_file("x")', 'open("x").read'])(
    "an install of gems apart from the source is not possible when Gemfile has %s, except in a comment",
    (expression) => {
      expect(installOf({ Gemfile: `${gemfile}a = ${expression}\n` })).toBeNull();
      expect(installOf({ Gemfile: `${gemfile}  # a = ${expression}\n` })).not.toBeNull();
    },
  );

  test.each<[string, Files]>([
    [
      "a gem is a folder of the source",
      { "Gemfile.lock": `PATH\n  remote: lib\n  specs:\n${lock("puma (6.4.2)")}` },
    ],
    ["gems are part of the source", { "vendor/cache/": "" }],
    ["Gemfile reads other files", { Gemfile: `${gemfile}eval_gemfile "other"\n` }],
    ["Bundler has settings in the source", { ".bundle/config": "" }],
  ])("an install of gems apart from the source is not possible when %s", (_when, changes) => {
    expect(installOf(changes)).toBeNull();
  });

  test("an install of gems apart from the source is not possible when a variable of Bundler names a file of the source", () => {
    const files = { "gemfiles/rails.gemfile": "" };
    expect(installOf(files, { BUNDLE_GEMFILE: "gemfiles/rails.gemfile" })).toBeNull();
    expect(installOf(files, { BUNDLE_WITHOUT: "test" })).not.toBeNull();
  });

  test("an install of gems apart from the source is possible with a vendor folder that has no gems", () => {
    expect(installOf({ "vendor/.keep": "" })).not.toBeNull();
  });
});

test("the version that a file for version managers names is known, unless Gemfile names one", () => {
  const version = (files: Files) => plan({ ...app, ...files }).version;
  expect(version({ ".ruby-version": "ruby-3.2.2\n" })).toEqual({ wanted: "3.2.2", file: ".ruby-version" });
  expect(version({ ".tool-versions": "nodejs 24.1.0\nruby 3.3.0\n" })?.wanted).toBe("3.3.0");
  expect(version({ ".ruby-version": "3.2.2", Gemfile: `${gemfile}ruby file: ".ruby-version"\n` })).toBeNull();
  expect(version({ ".ruby-version": "jruby-9.4" })).toBeNull();
});

test("Rails apps have a build, with any gem for assets", () => {
  expect(plan(app).scripts).toBe("none");
  expect(plan({ ...app, "Gemfile.lock": lock("railties (7.1.0)", "vite_rails (3.0.0)") }).scripts).toBe(
    "build",
  );
});

test("a missing, an unreadable and a conflicting Gemfile.lock are errors with what to do", async () => {
  const { "Gemfile.lock": _lock, ...withoutLock } = app;
  expect(await refused(withoutLock)).toMatch(/^build-failed: Gemfile\.lock is missing.*Run: bundle lock/);
  const unreadable = async () =>
    ruby.plan({ read: () => undefined, names: ["Gemfile", "Gemfile.lock", "config.ru"], variables: {} });
  expect(await refusal(unreadable())).toMatch(/Gemfile must be a regular file/);
  const read = (name: string) => (name === "Gemfile" ? Buffer.from("") : undefined);
  const withoutLockFile = async () =>
    ruby.plan({ read, names: ["Gemfile", "Gemfile.lock", "config.ru"], variables: {} });
  expect(await refusal(withoutLockFile())).toMatch(/Gemfile\.lock must be a regular file of at most 4 MiB/);
  expect(await refused({ ...app, "Gemfile.lock": "<<<<<<< HEAD\n" })).toMatch(/marks of a merge conflict/);
});
