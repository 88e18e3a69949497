import { expect, test } from "vitest";
import { readBuilderImage } from "./builder-image.ts";
import { cnbProcesses } from "./build-metadata.ts";
import { creatorCommand, creatorFailure, platformVariables } from "./lifecycle.ts";
import { readProjectDescriptor } from "./project-descriptor.ts";

const read = (text: string, variables = {}) =>
  readProjectDescriptor({
    captured: new Map([["project.toml", Buffer.from(text)]]),
    oversized: new Set(),
    variables,
  });
const ids = { CNB_USER_ID: "1001", CNB_GROUP_ID: "1000" };
const image = (
  metadata: unknown,
  more: Readonly<Record<string, string>> = {},
  environment: typeof ids = ids,
) => ({
  labels: { "io.buildpacks.builder.metadata": JSON.stringify(metadata), ...more },
  environment,
});
const supported = (...versions: readonly string[]) => ({
  lifecycle: { version: "0.19.0", apis: { platform: { supported: versions } } },
});

test("a project descriptor of either version sets a builder and variables, and its ignored settings are listed", () => {
  const current = `[_]\nschema-version = "0.2"\n[io.buildpacks]\nbuilder = "example/builder"\nexclude = ["*.md"]
[[io.buildpacks.build.env]]\nname = "A"\nvalue = "1"`;
  expect(read(current)).toEqual({
    builder: "example/builder",
    environment: { A: "1" },
    ignored: ["io.buildpacks.exclude"],
  });
  const first = `[project]\nid = "x"\n[build]\nbuilder = "old"\n[[build.env]]\nname = "B"\nvalue = "2"\n[[build.buildpacks]]\nid = "x"`;
  expect(read(first)).toEqual({ builder: "old", environment: { B: "2" }, ignored: ["build.buildpacks"] });
  expect(read("")).toEqual({ builder: null, environment: {}, ignored: [] });
  expect(read("", { PROJECT_DIR: "web" })).toBeNull();
  expect(() => read("= no toml")).toThrow("project.toml is not valid TOML");
});

test("the newest platform API that both support is used, from either label", () => {
  const metadata = { ...supported("0.7", "0.12", "0.13", "0.99"), images: [{ image: "run" }] };
  expect(readBuilderImage("b", image(metadata))).toEqual({
    platformApi: "0.13",
    user: { uid: 1001, gid: 1000 },
    runImage: "run",
    lifecycle: "0.19.0",
  });
  const own = JSON.stringify({ platform: { deprecated: ["0.12"], supported: [] } });
  const labeled = image(
    { stack: { runImage: { image: "of-stack" } } },
    { "io.buildpacks.lifecycle.apis": own },
  );
  expect(readBuilderImage("b", labeled)).toMatchObject({ platformApi: "0.12", runImage: "of-stack" });
});

test.each([
  ["no builder image", { labels: {}, environment: ids }, /is not a builder image: it has no label/],
  [
    "an old lifecycle",
    image(supported("0.9", "0.11")),
    /supports the platform APIs 0\.9, 0\.11; Slipway requires one of/,
  ],
  ["root as its user", image(supported("0.12"), {}, { ...ids, CNB_USER_ID: "0" }), /CNB_USER_ID must be/],
  ["a broken label", { labels: { "io.buildpacks.builder.metadata": "{" }, environment: ids }, /is not JSON/],
])("%s is refused with its reason", (_of, facts, reason) => {
  expect(() => readBuilderImage("b", facts)).toThrow(reason);
});

test("the creator gets the directories of the specification, and PROJECT_DIR as its app", () => {
  const run = { image: "r/apps/a:d", previousImage: null, runImage: null, variables: {} };
  expect(creatorCommand(run)).toEqual([
    "/cnb/lifecycle/creator",
    "-app=/workspace",
    "-layers=/layers",
    "-platform=/platform",
    "-cache-dir=/work/cache",
    "r/apps/a:d",
  ]);
  const more = creatorCommand({
    ...run,
    previousImage: "p",
    runImage: "q",
    variables: { PROJECT_DIR: "web" },
  });
  expect(more).toEqual(expect.arrayContaining(["-app=/workspace/web", "-previous-image=p", "-run-image=q"]));
});

test("variables of the app replace those of the descriptor, and the platform's are withheld", () => {
  const { passed, withheld } = platformVariables(
    { A: "app", PATH: "x", CNB_USER_ID: "0" },
    { A: "file", B: "b" },
  );
  expect(Object.fromEntries(passed)).toEqual({ A: "app", B: "b" });
  expect(withheld).toEqual(["PATH", "CNB_USER_ID"]);
});

test.each([
  [20, "no-buildpack"],
  [22, "no-buildpack"],
  [51, "build-failed"],
  [12, "build-failed"],
  [50, "internal"],
  [37, "registry-unavailable"],
  [62, "registry-unavailable"],
  [1, "internal"],
])("exit code %i of the creator is %s", (exitCode, code) => {
  expect(creatorFailure(exitCode, "builder")).toMatchObject({ code, exitCode });
});

test("web is the process of this name, else the default one, else the Procfile's in the launcher's shell", () => {
  const labels = (...processes: readonly unknown[]) => ({
    "io.buildpacks.build.metadata": JSON.stringify({ buildpacks: [{ id: "a/b", version: "1" }], processes }),
  });
  const web = { type: "web", command: ["node"], args: ["server.js", "an argument"] };
  const task = { type: "task", command: "run it", default: true };
  expect(cnbProcesses(labels(web, task), {})).toEqual({
    processTypes: { web: "node server.js 'an argument'", task: "run it" },
    imageStart: { command: ["/cnb/process/web"], port: null, shell: ["/cnb/lifecycle/launcher"] },
    buildpacks: ["a/b@1"],
  });
  expect(cnbProcesses(labels(task), {}).imageStart.command).toEqual(["/cnb/process/task"]);
  const procfile = cnbProcesses(labels(), { web: "serve $PORT", postdeploy: "migrate" });
  expect(procfile.imageStart.command).toEqual(["/cnb/lifecycle/launcher", "serve $PORT"]);
  expect(procfile.processTypes).toEqual({ web: "serve $PORT", postdeploy: "migrate" });
  expect(() => cnbProcesses(labels(), {})).toThrow("no process type web and no default one: no buildpack");
  const others = labels({ type: "worker", command: ["w"] }, { type: "clock", command: ["c"] });
  expect(() => cnbProcesses(others, {})).toThrow(
    expect.objectContaining({
      code: "no-web-process",
      message: expect.stringContaining("it has worker, clock"),
    }),
  );
});
