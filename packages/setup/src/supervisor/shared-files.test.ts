import {
  access,
  chmod,
  lchown,
  mkdir,
  mkdtemp,
  readdir,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isRoot } from "../machine/shared-folder.ts";
import { giveFolder, ownCompileCache, shareFiles } from "./shared-files.ts";
import { ownIds } from "./process-user.ts";

const ids = ownIds("0a1b2c3d");
let dataDir = "";
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "slipway-own-"));
});
afterEach(() => rm(dataDir, { recursive: true }));

/** Group and mode of a file in the data directory. */
async function accessOf(path: string): Promise<[gid: number, mode: string]> {
  const { gid, mode } = await stat(join(dataDir, path));
  return [gid, (mode & 0o7777).toString(8)];
}

describe.skipIf(!isRoot())("files of an installation that root runs", () => {
  test("database, blobs and signing keys are shared with their groups, whatever an earlier version made them", async () => {
    await mkdir(join(dataDir, "blobs/blobs/sources"), { recursive: true, mode: 0o700 });
    await writeFile(join(dataDir, "blobs/blobs/sources/a~"), "", { mode: 0o600 });
    await mkdir(join(dataDir, "database"), { mode: 0o700 });
    await writeFile(join(dataDir, "database/slipway.db"), "", { mode: 0o600 });
    await writeFile(join(dataDir, "database/slipway.db-wal"), "", { mode: 0o600 });
    for (const name of ["signing-key", "receipt-key", "admin-token"])
      await writeFile(join(dataDir, name), "", { mode: 0o600 });
    await shareFiles(dataDir, ids, { sqlite: true });
    const { database, keys, blobs } = ids.groups;
    expect(await accessOf("database")).toEqual([database, "2770"]);
    expect(await accessOf("database/slipway.db")).toEqual([database, "660"]);
    expect(await accessOf("database/slipway.db-wal")).toEqual([database, "660"]);
    expect(await accessOf("blobs/blobs/sources")).toEqual([blobs, "2770"]);
    expect(await accessOf("blobs/blobs/sources/a~")).toEqual([blobs, "660"]);
    expect(await accessOf("signing-key")).toEqual([keys, "640"]);
    expect(await accessOf("receipt-key")).toEqual([ids.users.worker, "640"]);
    expect(await accessOf("admin-token")).toEqual([0, "600"]);
    expect(await accessOf("")).toEqual([0, "711"]);
  });

  test("a restored database is shared again, and with MongoDB no file is made for one", async () => {
    await shareFiles(dataDir, ids, { sqlite: false });
    expect(await readdir(dataDir)).toEqual(["blobs"]);
    await shareFiles(dataDir, ids, { sqlite: true });
    const file = join(dataDir, "database/slipway.db");
    await rm(file);
    await writeFile(file, "copy", { mode: 0o600 });
    await lchown(file, 0, 0);
    await shareFiles(dataDir, ids, { sqlite: true });
    expect(await accessOf("database/slipway.db")).toEqual([ids.groups.database, "660"]);
  });

  test.each(["database/slipway.db", "database/slipway.db-wal", "blobs/link"])(
    "a link at %s is refused, and its target remains unchanged",
    async (path) => {
      await writeFile(join(dataDir, "secret"), "", { mode: 0o600 });
      for (const folder of ["database", "blobs"]) await mkdir(join(dataDir, folder));
      await symlink(join(dataDir, "secret"), join(dataDir, path));
      await expect(shareFiles(dataDir, ids, { sqlite: true })).rejects.toThrow("ELOOP");
      expect(await accessOf("secret")).toEqual([0, "600"]);
    },
  );

  test("a kind of process owns its compiled code, and a private server its folder", async () => {
    const cache = await ownCompileCache(dataDir, "api", ids);
    expect([(await stat(cache)).uid, await accessOf("compile-cache/api")]).toEqual([
      ids.users.api,
      [ids.users.api, "700"],
    ]);
    await mkdir(join(dataDir, "redis/appendonlydir"), { recursive: true });
    await writeFile(join(dataDir, "redis/appendonlydir/manifest"), "");
    await chmod(join(dataDir, "redis"), 0o700);
    await giveFolder(join(dataDir, "redis"), ids.users.redis);
    for (const path of ["redis", "redis/appendonlydir", "redis/appendonlydir/manifest"])
      expect((await stat(join(dataDir, path))).uid).toBe(ids.users.redis);
    await access(join(dataDir, "redis"));
  });
});
