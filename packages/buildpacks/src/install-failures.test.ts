// The messages of the PHP and Ruby buildpacks about a failed install, with a Composer and a Bundler that only fail.

import { spawnSync } from "node:child_process";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { defaultStacksDir } from "./stack-files.ts";

/** @returns the output of a script that uses the functions of one of the buildpack's files. */
function outputOf(library: string, script: string, files: Readonly<Record<string, string>>): string {
  using folder = mkdtempDisposableSync(join(tmpdir(), "install-failures-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder.path, name), text);
  const packs = join(defaultStacksDir, "buildpacks");
  const sources = `source ${packs}/lib/output.sh; source ${packs}/${library}; SCRATCH=${folder.path}`;
  const { stdout, stderr } = spawnSync("bash", ["-c", `${sources}\n${script}`], {
    cwd: folder.path,
    encoding: "utf8",
  });
  return stdout + stderr;
}

const lock = "BUNDLED WITH\n   2.5.9\n";

test.each([
  "[!] There was an error parsing `Gemfile`: `windows` is not a valid platform.",
  "[!] There was an error parsing `Gemfile`: syntax error",
])("a Gemfile that Bundler cannot read is explained with both versions of Bundler: %s", (line) => {
  const script = "BUNDLER_VERSION=2.3.15; explain_failure";
  const text = outputOf("ruby/lib/gems.sh", script, { "install.log": line, "Gemfile.lock": lock });
  expect(text).toMatch(/cannot be read by Bundler 2\.3\.15 of this stack.*written by Bundler 2\.5\.9/);
  expect(text).toContain("slipway apps set APP --stack NAME");
});

test("a failed install of Composer names the file with the requirement", () => {
  const failed = [
    {
      name: "php",
      version: "8.2.1",
      status: "failed",
      failed_requirement: { source: "__root__", constraint: "^9" },
    },
  ];
  const stubs = "composer() { cat answer; return 1; }; php() { echo ctype; }";
  const text = outputOf("php/lib/packages.sh", `${stubs}; check_requirements`, {
    answer: JSON.stringify(failed),
  });
  expect(text).toContain("php ^9, which composer.json requires: this is 8.2.1");
});

test("a failed install of Composer gives no advice about Node.js, whose assets are not the reason", () => {
  const script = "export SLIPWAY_ASSETS=installed; composer() { return 1; }; install_packages";
  const text = outputOf("php/lib/packages.sh", script, {});
  expect(text).toContain("The packages of composer.lock could not be installed");
  expect(text).not.toContain("DISABLE_NODE_ASSETS");
});

test("a script that fails in an environment of Symfony other than prod is explained", () => {
  const files = { "composer.json": '{"scripts":{"x":"y"}}', "composer.lock": '"symfony/framework-bundle"' };
  const failing = (environment: string) =>
    outputOf(
      "php/lib/packages.sh",
      `composer() { return 1; }; export APP_ENV=${environment}; run_scripts x`,
      files,
    );
  expect(failing("dev")).toContain("For Symfony set the variable APP_ENV to prod.");
  expect(failing("prod")).not.toContain("APP_ENV");
});
