import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storeContract } from "@slipway/testkit";
import { openSqliteStore } from "./store.ts";

storeContract("SQLite", async () => {
  const directory = await mkdtempDisposable(join(tmpdir(), "slipway-store-"));
  return {
    open: () => openSqliteStore({ path: join(directory.path, "slipway.db") }),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
});
