import { expect, test } from "vitest";
import { planBuild } from "@slipway/buildpacks";
import { sourcePackages } from "./sbom.ts";

const manifest = (fields: object) => Buffer.from(JSON.stringify(fields));
const npmLock = manifest({
  lockfileVersion: 3,
  packages: {
    "": { workspaces: ["apps/*"] },
    "apps/api": { dependencies: { a: "1" } },
    "node_modules/a": { version: "1.0.0" },
  },
});

/** The packages of the workspace apps/api. */
function packagesOf(root: object, lockFiles: Readonly<Record<string, Buffer>>) {
  const captured = new Map([
    ["package.json", manifest({ workspaces: ["apps/*"], ...root })],
    ["apps/api/package.json", manifest({ dependencies: { a: "1" }, scripts: { start: "node ." } })],
    ...Object.entries(lockFiles),
  ]);
  const names = ["package.json"];
  const plan = planBuild({ captured, oversized: new Set(), names, variables: { PROJECT_DIR: "apps/api" } });
  expect([plan.monorepo, plan.language?.kind]).toEqual(["", "nodejs"]);
  const language =
    plan.language === null ? null : { ...plan.language, versions: {}, images: none, builtOn: "" };
  return sourcePackages({ ...plan, builder: "buildpacks", language, source: { captured } }, "apps/api");
}

const none = { build: "", run: "" };

const pnpmLock =
  "importers:\n  .: {}\n  apps/api:\n    dependencies:\n      a: {version: 2.0.0}\npackages:\n  a@2.0.0: {}\n";

test("the packages of a workspace are those in the lock file of the package manager that installs them", () => {
  const lockFiles = {
    "package-lock.json": npmLock,
    "pnpm-lock.yaml": Buffer.from(pnpmLock),
  };
  expect(packagesOf({}, lockFiles)?.packages).toMatchObject([{ name: "a", version: "1.0.0" }]);
  const ofPnpm = packagesOf({ packageManager: "pnpm@9.1.0" }, lockFiles);
  expect(ofPnpm?.packages).toMatchObject([{ name: "a", version: "2.0.0" }]);
});
