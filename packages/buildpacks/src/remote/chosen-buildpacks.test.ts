import { expect, test } from "vitest";
import { parseBuildpackUrl } from "./buildpack-url.ts";
import { parseCatalogue } from "./catalogue.ts";
import { chosenBuildpacks } from "./chosen-buildpacks.ts";
import type { BuildpackChoice } from "./chosen-buildpacks.ts";

const catalogue = parseCatalogue(
  '[ruby]\nurl = "https://git.test/ruby-of-operator.git#v1"\nstacks = ["heroku-24"]\n',
  [],
);
const chosen = (choice: Pick<BuildpackChoice, "variables" | "file"> & { stack?: string }) =>
  chosenBuildpacks({ catalogue, stack: "heroku-24", ...choice });
const url = (text: string) => parseBuildpackUrl(text, "BUILDPACK_URL");

test.each([
  [
    "https://git.test/a/ruby.git#v1.2",
    { kind: "git", name: "ruby", url: "https://git.test/a/ruby.git", ref: "v1.2" },
  ],
  ["https://git.test/a/ruby", { kind: "git", name: "ruby", url: "https://git.test/a/ruby", ref: null }],
  [
    "git://git.test/ruby.git#feature/x",
    { kind: "git", name: "ruby", url: "git://git.test/ruby.git", ref: "feature/x" },
  ],
  [" http://git.test/x.tgz ", { kind: "archive", name: "x", url: "http://git.test/x.tgz", ref: null }],
  ["https://git.test/a/ruby/archive/main.tar.gz?x=1", { kind: "archive", name: "ruby", ref: null }],
])("%s is the URL of a buildpack", (text, expected) => {
  expect(url(text)).toMatchObject(expected);
});

test("the credentials and the query of a buildpack's URL are requested with, and never shown", () => {
  expect(url("https://me:secret@git.test/a.git#b")).toMatchObject({
    url: "https://me:secret@git.test/a.git",
    shown: "https://git.test/a.git#b",
  });
  expect(url("https://git.test/a.tgz?token=secret").shown).toBe("https://git.test/a.tgz?…");
});

test.each([
  ["file:///etc", "BUILDPACK_URL is not the URL of a buildpack"],
  ["heroku/ruby", "BUILDPACK_URL is not the URL of a buildpack"],
  ["--upload-pack=x", "BUILDPACK_URL is not the URL of a buildpack"],
  ["ext::sh -c x", "BUILDPACK_URL is not the URL of a buildpack"],
  ["git@git.test:a/b.git", "BUILDPACK_URL is an SSH address"],
  ["ssh://git@git.test/a.git", "BUILDPACK_URL is an SSH address"],
  ["https://git.test/a.git#--upload-pack=x", "not the name of a branch or tag"],
  ["https://git.test/a.git#a..b", "not the name of a branch or tag"],
  ["https://git.test/a.git#a b", "not the name of a branch or tag"],
  ["git://git.test/a.tgz", "names an archive with git://"],
])("%s is not the URL of a buildpack", (text, message) => {
  expect(() => url(text)).toThrow(message);
});

test(".buildpacks lists buildpacks in order, and BUILDPACK_URL takes precedence", () => {
  const file = Buffer.from("\uFEFF# first\r\nhttps://git.test/a.git#1\r\n\r\n  https://git.test/b.tgz\n");
  const names = (variables: Record<string, string>) => chosen({ variables, file })?.map(({ name }) => name);
  expect(names({ BUILDPACK_NAME: "nodejs" })).toEqual(["a", "b"]);
  expect(names({ BUILDPACK_URL: "https://git.test/c" })).toEqual(["c"]);
  expect(chosen({ variables: { BUILDPACK_URL: " " }, file: null })).toBeNull();
});

test.each([
  "Scalingo/multi-buildpack.git",
  "heroku/heroku-buildpack-multi",
  "other/heroku-buildpack-multi.git#x",
])("BUILDPACK_URL with %s runs the buildpacks of .buildpacks", (path) => {
  const variables = { BUILDPACK_URL: `https://git.test/${path}` };
  const file = Buffer.from("https://git.test/a.git\n");
  expect(chosen({ variables, file })?.map(({ name }) => name)).toEqual(["a"]);
  expect(chosen({ variables, file: null })).toHaveLength(1);
});

test.each([
  ["", "lists no buildpack"],
  ["https://git.test/a\nphp\n", "Line 2 of .buildpacks is not the URL"],
  ["https://git.test/a\n".repeat(21), "lists more than 20 buildpacks"],
])("the content %j of .buildpacks is rejected", (text, message) => {
  expect(() => chosen({ variables: {}, file: Buffer.from(text) })).toThrow(message);
});

test("a .buildpacks that is no small regular file is rejected", () => {
  expect(() => chosen({ variables: {}, file: "unreadable" })).toThrow("not a text file");
});

test("a name of the catalogue stands for its buildpack wherever a URL does, and in BUILDPACK_NAME", () => {
  const names = (variables: Record<string, string>, file: Buffer | null = null) =>
    chosen({ variables, file })?.map(({ name, ref }) => `${name} ${ref}`);
  expect(names({ BUILDPACK_URL: "ruby" })).toEqual(["ruby v1"]);
  expect(names({}, Buffer.from("https://git.test/a.git\nruby\n"))).toEqual(["a null", "ruby v1"]);
  expect(names({ BUILDPACK_NAME: "ruby" })).toEqual(["ruby v1"]);
  expect(names({ BUILDPACK_NAME: "nodejs" })).toBeUndefined();
  expect(names({ BUILDPACK_NAME: "ruby" }, Buffer.from("https://git.test/a.git\n"))).toEqual(["a null"]);
  const other = { variables: { BUILDPACK_NAME: "ruby" }, file: null, stack: "slipway-12" };
  expect(() => chosen(other)).toThrow(
    "the buildpack ruby of the operator's catalogue needs the stack heroku-24",
  );
});
