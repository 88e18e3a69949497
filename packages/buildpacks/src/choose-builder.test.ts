import { spawnSync } from "node:child_process";
import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { BuilderKind } from "@slipway/core";
import { refusal } from "@slipway/testkit";
import { bundledBuildpacks } from "./bundled.ts";
import { chooseBuilder } from "./choose-builder.ts";
import { parseCatalogue } from "./remote/catalogue.ts";
import { defaultStacksDir } from "./stack-files.ts";

const offering = (...allowed: readonly BuilderKind[]) => ({
  allowed,
  cnbBuilder: null,
  builderImage: null,
  catalogue: [],
});
const all = offering("buildpacks", "dockerfile");

function source(files: readonly string[], variables: Readonly<Record<string, string>> = {}) {
  return {
    captured: new Map(files.map((name) => [name, Buffer.alloc(0)])),
    oversized: new Set<string>(),
    names: files.map((name) => (name.includes("/") ? `${name.split("/")[0]}/` : name)),
    variables,
  };
}

test.each<[string, readonly string[], Readonly<Record<string, string>>, RegExp]>([
  ["BUILDPACK_URL", ["Dockerfile"], { BUILDPACK_URL: "https://example.com/x.git" }, /BUILDPACK_URL is set/],
  ["BUILDPACK_NAME", ["Dockerfile"], { BUILDPACK_NAME: "static" }, /BUILDPACK_NAME is set/],
  [".buildpacks", ["Dockerfile", ".buildpacks"], {}, /\.buildpacks/],
  ["package.json", ["Dockerfile", "package.json"], {}, /nodejs found package\.json/],
  [
    "scripts of its own",
    ["bin/detect", "bin/compile", "Dockerfile"],
    {},
    /inline found bin\/detect and bin\/compile/,
  ],
])("with auto, %s is built by buildpacks although there is a Dockerfile", (_of, files, variables, reason) => {
  const choice = chooseBuilder("auto", all, source(files, variables));
  expect(choice).toEqual({ kind: "buildpacks", reason: expect.stringMatching(reason) });
});

test.each(bundledBuildpacks().names.filter((name) => name !== "inline"))(
  "the buildpack %s is chosen for each set of files that its bin/detect accepts",
  async (name) => {
    const stack = join(defaultStacksDir, "buildpacks", name);
    const sets = (await readFile(join(stack, "detects"), "utf8")).trim().split("\n");
    for (const set of sets.map((line) => line.split(" "))) {
      await using folder = await mkdtempDisposable(join(tmpdir(), "slipway-detect-"));
      for (const file of set) await writeFile(join(folder.path, file), "");
      expect(spawnSync(join(stack, "bin/detect"), [folder.path]).status).toBe(0);
      expect(chooseBuilder("auto", all, source(set)).reason).toBe(
        `the buildpack ${name} found ${set.join(" and ")}`,
      );
    }
    await using empty = await mkdtempDisposable(join(tmpdir(), "slipway-detect-"));
    expect(spawnSync(join(stack, "bin/detect"), [empty.path]).status).toBe(1);
  },
);

test("with auto, a Dockerfile is built when nothing else fits, also one that DOCKERFILE_PATH names", () => {
  expect(chooseBuilder("auto", all, source(["Dockerfile", "main.c"])).kind).toBe("dockerfile");
  const named = source(["ops/web.Dockerfile"], { DOCKERFILE_PATH: "ops/web.Dockerfile" });
  expect(chooseBuilder("auto", all, named)).toEqual({
    kind: "dockerfile",
    reason: "there is a ops/web.Dockerfile",
  });
});

describe("Cloud Native Buildpacks", () => {
  const cnb = offering("buildpacks", "cnb", "dockerfile");
  const descriptor = (text: string, files: readonly string[] = []) => {
    const made = source(["project.toml", ...files]);
    return { ...made, captured: new Map([...made.captured, ["project.toml", Buffer.from(text)]]) };
  };
  const named = '[io.buildpacks]\nbuilder = "example/builder"';

  test("a project.toml has precedence over bundled buildpacks if a builder image is set", () => {
    const both = descriptor(named, ["package.json"]);
    expect(chooseBuilder("auto", cnb, both)).toEqual({ kind: "cnb", reason: "there is a project.toml" });
    expect(chooseBuilder("auto", all, both).kind).toBe("buildpacks");
    const unnamed = descriptor("", ["package.json"]);
    expect(chooseBuilder("auto", cnb, unnamed).kind).toBe("buildpacks");
    expect(chooseBuilder("auto", { ...cnb, cnbBuilder: "own" }, unnamed).kind).toBe("cnb");
    const requested = { ...both, variables: { BUILDPACK_NAME: "nodejs" } };
    expect(chooseBuilder("auto", cnb, requested).kind).toBe("buildpacks");
  });

  test("an app's builder image has the same precedence, and the operator's is the last choice", () => {
    const node = source(["package.json"]);
    expect(chooseBuilder("auto", { ...cnb, builderImage: "x" }, node).kind).toBe("cnb");
    expect(chooseBuilder("auto", { ...cnb, cnbBuilder: "x" }, node).kind).toBe("buildpacks");
    expect(chooseBuilder("auto", { ...cnb, cnbBuilder: "x" }, source(["main.c"])).kind).toBe("cnb");
    expect(chooseBuilder("auto", { ...cnb, cnbBuilder: "x" }, source(["Dockerfile"])).kind).toBe(
      "dockerfile",
    );
  });
});

describe("a source that no allowed builder fits", () => {
  const refused = (...given: Parameters<typeof chooseBuilder>) =>
    refusal((async () => chooseBuilder(...given))());

  test("the error lists what each bundled buildpack and the builders look for", async () => {
    const message = await refused("auto", all, source(["main.c"]));
    expect(message).toMatch(/^no-buildpack: no builder fits the source/);
    for (const name of bundledBuildpacks().names) expect(message).toContain(`(buildpack ${name})`);
    for (const name of ["BUILDPACK_URL", ".buildpacks", "Dockerfile"]) expect(message).toContain(name);
  });

  test("the error says that a Dockerfile exists which the operator does not allow", async () => {
    expect(await refused("auto", offering("buildpacks"), source(["Dockerfile"]))).toMatch(
      /there is a Dockerfile .* does not allow the builder dockerfile.*BUILDERS/,
    );
    expect(await refused("dockerfile", offering("buildpacks"), source(["Dockerfile"]))).toMatch(
      /setting|builder is dockerfile/,
    );
  });

  test("a DOCKERFILE_PATH that leaves the source is refused", async () => {
    const outside = source(["main.c"], { DOCKERFILE_PATH: "../../etc/passwd" });
    expect(await refused("auto", all, outside)).toMatch(/^build-failed: DOCKERFILE_PATH/);
  });
});

test("the setting of the app decides before its source does", () => {
  const both = source(["Dockerfile", "package.json"]);
  expect(chooseBuilder("dockerfile", all, both).kind).toBe("dockerfile");
  expect(chooseBuilder("buildpacks", all, source(["Dockerfile"])).kind).toBe("buildpacks");
});

test("the catalogue is searched after the bundled buildpacks and the Dockerfile, and before CNB_BUILDER", async () => {
  const catalogue = parseCatalogue('[ruby]\nurl = "https://git.test/ruby"\ndetects = ["Gemfile"]\n', []);
  const offer = { ...offering("buildpacks", "cnb", "dockerfile"), catalogue, cnbBuilder: "own" };
  const choose = (...files: string[]) => chooseBuilder("auto", offer, source(files));
  expect(choose("Gemfile")).toMatchObject({
    kind: "buildpacks",
    reason: "the buildpack ruby of the operator's catalogue looks for Gemfile",
    detected: { name: "ruby" },
  });
  expect(choose("Gemfile", "package.json").detected).toBeUndefined();
  expect(choose("Gemfile", "Dockerfile").kind).toBe("dockerfile");
  expect(choose("main.c").kind).toBe("cnb");
  expect(chooseBuilder("buildpacks", offer, source(["Gemfile"])).detected?.name).toBe("ruby");
  expect(chooseBuilder("buildpacks", offer, source(["Gemfile", "go.mod"])).detected).toBeUndefined();
  const named = source(["Gemfile"], { BUILDPACK_NAME: "static" });
  expect(chooseBuilder("auto", offer, named).detected).toBeUndefined();
  const only = { ...offering("dockerfile"), catalogue };
  expect(() => chooseBuilder("auto", only, source(["Gemfile"]))).toThrow("no builder fits the source");
  const none = { ...offering("buildpacks"), catalogue };
  expect(() => chooseBuilder("auto", none, source(["main.c"]))).toThrow("Gemfile (buildpack ruby)");
});
