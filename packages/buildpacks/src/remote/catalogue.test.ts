import { expect, test } from "vitest";
import { checkStack, detectedInCatalogue, parseCatalogue } from "./catalogue.ts";

const text = `
[ruby]
url = "https://git.test/ruby.git#v2"
stacks = ["heroku-24", "heroku-22"]
detects = ["Gemfile"]

[scala]
url = "https://me:secret@git.test/scala.tgz"
detects = ["*.sbt", "project/"]

[apt]
url = "https://git.test/apt"
`;
const catalogue = parseCatalogue(text, ["nodejs"]);

test("a catalogue names buildpacks in its order, under its own names", () => {
  expect(catalogue.map(({ name, url, stacks }) => [name, url.name, url.ref, url.shown, stacks])).toEqual([
    ["ruby", "ruby", "v2", "https://git.test/ruby.git#v2", ["heroku-24", "heroku-22"]],
    ["scala", "scala", null, "https://git.test/scala.tgz", []],
    ["apt", "apt", null, "https://git.test/apt", []],
  ]);
  expect(parseCatalogue("", [])).toEqual([]);
});

test.each([
  [["Gemfile", "build.sbt"], "ruby", "Gemfile"],
  [["build.sbt"], "scala", "build.sbt"],
  [["project/"], "scala", "project/"],
])("the files %j choose %s", (names, name, file) => {
  expect(detectedInCatalogue(catalogue, names)).toMatchObject({ buildpack: { name }, file });
});

test.each([["Gemfile.lock"], ["build.sbt.bak"], [".sb"], ["Aptfile"]])("the file %s chooses none", (name) => {
  expect(detectedInCatalogue(catalogue, [name])).toBeNull();
});

test("a pattern with several stars matches the parts in their order", () => {
  const [buildpack] = parseCatalogue(`[x]\nurl = "https://git.test/x"\ndetects = ["a*b*c"]\n`, []);
  const found = (name: string) =>
    buildpack !== undefined && detectedInCatalogue([buildpack], [name]) !== null;
  expect(["abc", "a-b-c", "abbc"].map(found)).toEqual([true, true, true]);
  expect(["acb", "ab", "ac", "abcd"].map(found)).toEqual([false, false, false, false]);
});

test("a buildpack is refused on another stack than its own, with the command that chooses it", () => {
  const [ruby, scala] = catalogue;
  if (ruby === undefined || scala === undefined) throw new Error("the catalogue has both");
  expect(() => checkStack(ruby, "slipway-12")).toThrow(
    expect.objectContaining({
      code: "no-buildpack",
      message: expect.stringContaining(
        "needs the stack heroku-24 or heroku-22, and the app's stack is slipway-12",
      ),
      hint: expect.stringContaining("--stack heroku-24"),
    }),
  );
  checkStack(ruby, "heroku-22");
  checkStack(scala, "slipway-12");
});

test.each([
  ["[ruby", "it is not TOML"],
  ["ruby = 1", "ruby has no url"],
  ["[ruby]\nurl = 'ruby'", "the url of ruby is not the URL of a buildpack"],
  ["[nodejs]\nurl = 'https://git.test/x'", "nodejs is the name of a bundled buildpack"],
  ["['Ruby 3']\nurl = 'https://git.test/x'", '"Ruby 3" is not a name'],
  ["[ruby]\nurl = 'https://git.test/x'\nstack = 'x'", "ruby has the unknown field stack"],
  ["[ruby]\nurl = 'https://git.test/x'\nstacks = 'x'", "stacks of ruby is not a list of texts"],
])("the catalogue %j is refused", (wrong, message) => {
  expect(() => parseCatalogue(wrong, ["nodejs"])).toThrow(
    expect.objectContaining({ code: "configuration-invalid", message: expect.stringContaining(message) }),
  );
});
