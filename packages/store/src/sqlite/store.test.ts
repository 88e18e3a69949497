import { join } from "node:path";
import { storeContract } from "@slipway/testkit";
import { temporaryDirectory } from "../temporary-directory.ts";
import { openSqliteStore } from "./store.ts";

storeContract("SQLite", async () => {
  const directory = await temporaryDirectory();
  return {
    open: () => openSqliteStore({ path: join(directory.path, "slipway.db") }),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
});
