import { mkdir, mkdtemp, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { linkWorkspaces, packagesAreFresh, packageStamp, sameInstall } from "./packages.mjs";

const ms = { version: "2.1.3", integrity: "sha512-a" };
const wanted = {
  packages: {
    "": { name: "root" },
    "node_modules/ms": ms,
    "node_modules/only-mac": { version: "1.0.0", optional: true },
  },
};

describe("sameInstall", () => {
  test("sameInstall is true when every package that is not optional is installed in its version", () => {
    expect(sameInstall(wanted, { packages: { "node_modules/ms": ms } })).toBe(true);
  });

  test.each([
    ["is missing", {}],
    ["has another version", { "node_modules/ms": { ...ms, version: "2.1.2" } }],
    ["has another content", { "node_modules/ms": { ...ms, integrity: "sha512-b" } }],
    ["needs other packages", { "node_modules/ms": { ...ms, dependencies: { x: "1" } } }],
  ])("sameInstall is false when a package %s", (_case, packages) => {
    expect(sameInstall(wanted, { packages })).toBe(false);
  });
});

describe("a repository's packages", () => {
  let root = "";
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "slipway-packages-"));
    await mkdir(join(root, "node_modules"));
    await writeFile(join(root, "package.json"), "{}");
    await writeFile(join(root, "package-lock.json"), JSON.stringify(wanted));
  });
  afterEach(() => rm(root, { recursive: true }));

  const install = (packages: Record<string, unknown>) =>
    writeFile(join(root, "node_modules", ".package-lock.json"), JSON.stringify({ packages }));

  test("a repository's packages have a stamp that changes with the lock file", async () => {
    const before = packageStamp(root);
    expect(packageStamp(root)).toBe(before);
    await writeFile(join(root, "package-lock.json"), "{}");
    expect(packageStamp(root)).not.toBe(before);
  });

  test("a repository's packages are stale when nothing is installed, and fresh by npm's record or by the stamp", async () => {
    expect(packagesAreFresh(root)).toBe(false);
    await install({ "node_modules/ms": ms });
    expect(packagesAreFresh(root)).toBe(true);
    await install({});
    expect(packagesAreFresh(root)).toBe(false);
    await writeFile(join(root, "node_modules", ".slipway-stamp"), packageStamp(root));
    expect(packagesAreFresh(root)).toBe(true);
  });

  test("workspaces that are missing, or that were moved, are linked without npm", async () => {
    const packages = {
      "node_modules/@slipway/core": { resolved: "packages/core", link: true },
      "node_modules/@slipway/setup": { resolved: "packages/setup", link: true },
      "node_modules/ms": ms,
    };
    await writeFile(join(root, "package-lock.json"), JSON.stringify({ packages }));
    await Promise.all(
      ["core", "setup"].map((name) => mkdir(join(root, "packages", name), { recursive: true })),
    );
    await mkdir(join(root, "node_modules", "@slipway"));
    await symlink("../../scripts/core", join(root, "node_modules", "@slipway", "core"));
    linkWorkspaces(root);
    linkWorkspaces(root);
    const links = ["core", "setup"].map((name) => readlink(join(root, "node_modules", "@slipway", name)));
    expect(await Promise.all(links)).toEqual(["../../packages/core", "../../packages/setup"]);
  });
});
