// The build runner with buildpacks that the user selected by URL, run by this machine's bash.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { resultOf } from "./result.ts";
import { openRunner, type Runner } from "../test-support/runner.ts";

const detectOk = "#!/bin/sh\necho Mine\n";
let runner: Runner;

beforeEach(async () => {
  runner = await openRunner();
});
afterEach(() => runner[Symbol.asyncDispose]());

/** Writes scripts by name; by default, detect succeeds. @param mode without execute bits as in an archive made on Windows. */
async function putPack(name: string, scripts: Readonly<Record<string, string>>, mode = 0o755): Promise<void> {
  const all = { "bin/detect": detectOk, "bin/compile": "#!/bin/bash\n", ...scripts };
  for (const [script, text] of Object.entries(all))
    if (text !== "") await runner.put(`buildpacks/${name}/${script}`, text, mode);
}

test("each buildpack finds what the former one built and exports, and all their releases are in the result", async () => {
  await putPack("01-first", {
    "bin/compile":
      '#!/bin/bash\necho made >"$1/made"; echo kept >"$2/kept"\necho \'export TOOL="$UNSET:tool"\' >export\n',
    "bin/release": "#!/bin/sh\necho 'config_vars: {A: 1}'\n",
  });
  await putPack("02-second", {
    "bin/detect": '#!/bin/bash\n[ -f "$1/made" ] && [ -n "$TOOL" ] && echo Second\n',
    "bin/compile": '#!/bin/bash\necho "$TOOL $(cat lib/own) $(cat "$3/MODE") $MODE $STACK" >"$1/second"\n',
    "lib/own": "own",
    "bin/release": "#!/bin/sh\necho 'default_process_types: {web: x}'\n",
  });
  await runner.put("build/package.json", "{}");
  const { exitCode, output, errors } = await runner.runEach(["01-first", "02-second"], { MODE: "m" });
  expect({ exitCode, output }).toEqual({
    exitCode: 0,
    output: "-----> Mine app detected\n-----> Second app detected\n",
  });
  expect(await readFile(join(runner.work, "build/second"), "utf8")).toBe(":tool own m m test\n");
  expect(await resultOf(Buffer.from(errors))).toMatchObject({
    buildpack: "02-second",
    releases: ["config_vars: {A: 1}\n", "default_process_types: {web: x}\n"],
  });
});

test("what a buildpack exports with declare, or with positional parameters of its own, reaches the next one", async () => {
  const exported = 'declare -x PATH="/tools:$PATH"; set -- x; export ONE=1';
  await putPack("01-a", { "bin/compile": `#!/bin/bash\ncat >export <<'END'\n${exported}\nEND\n` });
  await putPack("02-b", { "bin/compile": '#!/bin/bash\necho "${PATH%%:*} $ONE $#"\n' });
  const { output } = await runner.runEach(["01-a", "02-b"]);
  expect(output).toContain("/tools 1 3\n");
});

test("BUILDPACK_NAME does not matter, and only PROJECT_DIR is built", async () => {
  await putPack("01-x", { "bin/compile": '#!/bin/bash\nls "$1"\n' });
  await runner.put("build/web/inside", "");
  await runner.put("build/outside", "");
  const { exitCode, output } = await runner.runEach(["01-x"], { BUILDPACK_NAME: "ruby", PROJECT_DIR: "web" });
  expect({ exitCode, output }).toEqual({
    exitCode: 0,
    output: "-----> Building the directory web only\n-----> Mine app detected\ninside\n",
  });
});

test("scripts that are not executable are run, and named", async () => {
  await putPack(
    "01-x",
    { "bin/compile": "#!/bin/bash\nbin/helper\n", "bin/helper": "#!/bin/sh\necho helped\n" },
    0o644,
  );
  const { exitCode, output } = await runner.runEach(["01-x"]);
  expect(exitCode).toBe(0);
  expect(output).toContain("bin/compile of the buildpack x is not executable, and is run nevertheless\n");
  expect(output).toContain("\nhelped\n");
});

test.each([
  ["has no bin/detect", { "bin/detect": "" }, "The buildpack x has no bin/detect."],
  ["has no bin/compile", { "bin/compile": "" }, "The buildpack x has no bin/compile."],
  [
    "was written on Windows",
    { "bin/compile": "#!/bin/sh\r\n" },
    "The first line of bin/compile of the buildpack x ends with",
  ],
  [
    "does not fit",
    { "bin/detect": "#!/bin/sh\necho why\nexit 1\n" },
    "why\n !     The buildpack x does not fit this app",
  ],
  ["cannot release", { "bin/release": "#!/bin/sh\nexit 3\n" }, "bin/release of the x buildpack failed."],
])(
  "a buildpack that %s fails the build with the reason",
  async (_which, scripts: Record<string, string>, message) => {
    await putPack("01-x", scripts);
    const { exitCode, output } = await runner.runEach(["01-x"]);
    expect(exitCode).toBe(1);
    expect(output).toContain(message);
  },
);

test("a buildpack that fails ends the build with its exit code, and the next one does not run", async () => {
  await putPack("01-x", { "bin/compile": "#!/bin/sh\necho why\nexit 3\n" });
  await putPack("02-y", {});
  expect(await runner.runEach(["01-x", "02-y"])).toMatchObject({
    exitCode: 3,
    output: "-----> Mine app detected\nwhy\n",
  });
});

test("a bin/report that fails is ignored, and its output is not shown", async () => {
  await putPack("01-x", { "bin/report": "#!/bin/sh\necho reported\nexit 1\n" });
  expect(await runner.runEach(["01-x"])).toMatchObject({ exitCode: 0, output: "-----> Mine app detected\n" });
});
