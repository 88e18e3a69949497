// What a build engine promises about snapshots, and about what a build changed.

import { randomUUID } from "node:crypto";
import type { SandboxSpec, SnapshotName } from "@slipway/core";
import { expect, test } from "vitest";
import { packTar } from "../pack-tar-gz.ts";
import { mebibyte, never, oneChunk, ownFolder, run, sandboxesOf, spec } from "./under-test.ts";
import type { BuildsUnderTest } from "./under-test.ts";

export function snapshotsOfBuilds(underTest: BuildsUnderTest): void {
  startedFromSnapshots(underTest);
  changedDependencies(underTest);
  limitedSnapshots(underTest);
  listedSnapshots(underTest);
}

function startedFromSnapshots(underTest: BuildsUnderTest): void {
  const { engine } = underTest;
  const sandboxOf = sandboxesOf(underTest);
  const snapshotOf = snapshotsIn(underTest);

  test("a sandbox from a snapshot has the files of the former build, but not its cache", async () => {
    const name = newName();
    expect(await engine().findSnapshot(name, never)).toBeNull();
    const image = await snapshotOf(
      name,
      "mkdir /work/build/node_modules; echo from-before > /work/build/node_modules/a; echo x > /work/cache/x",
    );
    expect(await engine().findSnapshot(name, never)).toBe(image);
    await using sandbox = await sandboxOf(
      "cat /work/build/node_modules/a; ls -A /work/cache; echo changed > /work/build/node_modules/a; cat /work/build/node_modules/a",
      { image },
    );
    await sandbox.upload("/work", oneChunk(await packTar({ "build/index.js": "1" })), never);
    expect((await run(sandbox)).text).toBe("from-before\nchanged\n");
  });

  test("a sandbox from a snapshot has no variable of the former build", async () => {
    const environment = { ...spec("", "").environment, FORMER: "of the former build" };
    const image = await snapshotOf(newName(), "true", { environment });
    const script = 'echo "${FORMER-unset} ${GREETING-unset}"';
    await using sandbox = await sandboxOf(script, { image });
    expect((await run(sandbox)).text).toBe("unset hello\n");
  });

  test("a sandbox is refused when its snapshot was removed", async () => {
    const name = newName();
    const image = await snapshotOf(name, "true");
    await engine().removeSnapshot(name);
    const refused = { code: "not-found", resource: "snapshot" };
    await expect(sandboxOf("true", { image })).rejects.toMatchObject(refused);
  });
}

function changedDependencies(underTest: BuildsUnderTest): void {
  const sandboxOf = sandboxesOf(underTest);
  const snapshotOf = snapshotsIn(underTest);

  test("the changes of a build are those since its snapshot", async () => {
    const image = await snapshotOf(
      newName(),
      "cd /work/build; mkdir -p node_modules/a node_modules/b; touch node_modules/{a,b}/index.js",
    );
    const changesOf = async (script: string): Promise<readonly string[]> => {
      await using sandbox = await sandboxOf(`cd /work/build; ${script}`, { image });
      await sandbox.upload("/work", oneChunk(await packTar({ "build/index.js": "1" })), never);
      expect((await run(sandbox)).exit.exitCode).toBe(0);
      return (await sandbox.changes("/work/build/node_modules", never)).toSorted();
    };
    expect(await changesOf("cat node_modules/*/*; touch other")).toEqual([]);
    expect(await changesOf("echo x >> node_modules/a/index.js")).toEqual(["a", "a/index.js"]);
    expect(await changesOf("rm node_modules/b/index.js; mkdir node_modules/c")).toEqual([
      "b",
      "b/index.js",
      "c",
    ]);
    expect(await changesOf("rm -r node_modules")).toContain(".");
    expect(await changesOf("rm -r node_modules; touch node_modules")).toContain(".");
    expect(await changesOf("rm -r node_modules; mkdir other; ln -s other node_modules")).toContain(".");
    expect(await changesOf("mv node_modules other; ln -s other node_modules")).toContain(".");
  });
}

function limitedSnapshots(underTest: BuildsUnderTest): void {
  const sandboxOf = sandboxesOf(underTest);
  const snapshotOf = snapshotsIn(underTest);
  const limits = { ...spec("", "").limits, diskBytes: 32 * mebibyte };

  test("sparse files beyond the disk limit do not become part of a snapshot", async () => {
    const sparse = snapshotOf(newName(), "cd /work/build; truncate -s 32M a b", { limits });
    await expect(sparse).rejects.toMatchObject({ code: "build-disk-full" });
  });

  test.each([
    ["changes", `chmod g+w node_modules/a; ${random("b", 16)}`],
    ["removes", `rm -r node_modules; ${random("b", 40)}`],
  ])("a build that %s files of its snapshot is ended when it fills its disk", async (_, script) => {
    const install = `mkdir /work/build/node_modules; ${random("/work/build/node_modules/a", 24)}`;
    const image = await snapshotOf(newName(), install, { limits });
    await using sandbox = await sandboxOf(`cd /work/build; ${script}; sleep 60`, { image, limits });
    expect((await run(sandbox)).exit).toMatchObject({ diskFull: true });
  });
}

/** @returns a script that writes a file of so many mebibytes. */
function random(file: string, size: number): string {
  return `head -c ${size}M /dev/urandom >${file}`;
}

function listedSnapshots(underTest: BuildsUnderTest): void {
  const { engine, openOther } = underTest;
  const sandboxOf = sandboxesOf(underTest);
  const snapshotOf = snapshotsIn(underTest);

  test("a snapshot of the same name replaces the earlier one", async () => {
    const name = newName();
    await snapshotOf(name, "echo 1 > /work/build/a");
    const image = await snapshotOf(name, "echo 2 > /work/build/a");
    await using sandbox = await sandboxOf("cat /work/build/a", { image });
    expect((await run(sandbox)).text).toBe("2\n");
    const listed = await engine().listSnapshots();
    expect(listed.filter(({ appId }) => appId === name.appId).length).toBe(1);
  });

  test("snapshots are listed with their sizes and times, and removed, by their installation only", async () => {
    const name = newName();
    const before = new Date(Date.now() - 60_000);
    await snapshotOf(name, "dd if=/dev/urandom of=/work/build/a bs=1M count=2 status=none");
    const found = async () => (await engine().listSnapshots()).find(({ appId }) => appId === name.appId);
    const snapshot = await found();
    expect(snapshot).toMatchObject(name);
    expect(snapshot?.sizeBytes).toBeGreaterThanOrEqual(2 * 1024 ** 2);
    expect(snapshot?.sizeBytes).toBeLessThan(3 * 1024 ** 2);
    const made = await engine().snapshotLastUsedAt(name);
    expect(made?.getTime()).toBeGreaterThan(before.getTime());
    expect(await engine().findSnapshot(name, never)).not.toBeNull();
    const used = await engine().snapshotLastUsedAt(name);
    expect(used?.getTime()).toBeGreaterThan(made?.getTime() ?? 0);
    await using other = openOther();
    expect(await other.listSnapshots()).toEqual([]);
    await engine().removeSnapshot(name);
    await engine().removeSnapshot(name);
    expect(await found()).toBeUndefined();
    expect(await engine().findSnapshot(name, never)).toBeNull();
    expect(await engine().snapshotLastUsedAt(name)).toBeNull();
  });
}

function newName(): SnapshotName {
  return { appId: randomUUID(), cacheVersion: 1, key: "0123abcd" };
}

/** @returns a function that makes a snapshot of a sandbox after its script. */
function snapshotsIn(underTest: BuildsUnderTest) {
  const sandboxOf = sandboxesOf(underTest);
  return async (name: SnapshotName, script: string, changes: Partial<SandboxSpec> = {}): Promise<string> => {
    await using sandbox = await sandboxOf(script, changes);
    const files = await packTar({ "cache/": ownFolder, "build/": ownFolder, "build/package.json": "{}" });
    await sandbox.upload("/work", oneChunk(files), never);
    expect(await run(sandbox)).toMatchObject({ text: "", exit: { exitCode: 0 } });
    return await sandbox.snapshot(name, never);
  };
}
