// A folder like that of a build container, with the build runner and the bundled buildpacks.

import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { bundledBuildpacks } from "../src/bundled.ts";
import { buildEnvironment } from "../src/environment.ts";
import { runAsContainer } from "./container.ts";

const bundled = bundledBuildpacks();

export interface Runner extends AsyncDisposable {
  /** Path of the folder. */
  readonly work: string;
  /** Writes a file below the folder. */
  readonly put: (path: string, text: string, mode?: number) => Promise<void>;
  /** Runs the build runner with the app's variables and its own arguments. */
  readonly run: (
    variables?: Readonly<Record<string, string>>,
    ...runnerArguments: readonly string[]
  ) => Promise<RunnerOutcome>;
  /** Runs the build runner with all these buildpacks in order, of which `put` wrote the files. */
  readonly runEach: (
    names: readonly string[],
    variables?: Readonly<Record<string, string>>,
  ) => Promise<RunnerOutcome>;
  /** Reads a file of the build's result. */
  readonly result: (name: string) => Promise<string>;
}

interface RunnerOutcome {
  readonly exitCode: number | null;
  readonly output: string;
  readonly errors: string;
}

/** @param npmRegistry the URL that builds install from; null for none. */
export async function openRunner(npmRegistry: string | null = null): Promise<Runner> {
  const work = await mkdtemp(join(tmpdir(), "runner-"));
  const put = async (path: string, text: string, mode = 0o644) => {
    await mkdir(dirname(join(work, path)), { recursive: true });
    await writeFile(join(work, path), text, { mode });
    await chmod(join(work, path), mode);
  };
  for await (const entry of bundled.entries()) {
    if (entry.kind === "file") await put(entry.name, entry.content.toString(), entry.mode);
  }
  const execute = async (
    variables: Readonly<Record<string, string>>,
    runnerArguments: readonly string[],
    chosen: readonly string[] | null,
  ) => {
    const platform = {
      stack: "test",
      app: "a",
      sourceTime: 1_700_000_000,
      sourceVersion: "",
      requestId: "r",
      buildpacks: bundled.names,
      catalogued: [],
      chosen,
      npmRegistry,
      pythonIndex: "https://pypi.org/simple/",
      goProxy: "https://proxy.golang.org",
      goChecksumDatabase: "sum.golang.org",
      caBundle: null,
    };
    const { environment, files } = buildEnvironment({ variables, platform });
    for (const { name, content } of files) await put(name, content.toString());
    const command = ["/bin/bash", join(work, "runner/build"), ...runnerArguments];
    return runAsContainer(command, { ...environment, SLIPWAY_WORK_DIR: work });
  };
  return {
    work,
    put,
    run: (variables = {}, ...runnerArguments) => execute(variables, runnerArguments, null),
    runEach: (names, variables = {}) => execute(variables, ["each"], names),
    result: (name) => readFile(join(work, "result", name), "utf8"),
    [Symbol.asyncDispose]: () => rm(work, { recursive: true }),
  };
}
