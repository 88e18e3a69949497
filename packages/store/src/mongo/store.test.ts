import { describe } from "vitest";
import { lacksMongo, startMongo, storeContract } from "@slipway/testkit";
import { openMongoStore } from "./store.ts";

describe.skipIf(await lacksMongo())("MongoDB", () => {
  storeContract("MongoDB", async () => {
    const mongo = await startMongo();
    return {
      open: () => openMongoStore({ url: mongo.url }),
      [Symbol.asyncDispose]: () => mongo[Symbol.asyncDispose](),
    };
  });
});
