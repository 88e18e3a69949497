import { logsContract } from "@slipway/testkit";
import { describe } from "vitest";
import { MemoryStore } from "./memory-store.ts";

describe("the in-memory store passes the contract suite of logs", () => {
  const memory = new MemoryStore();
  logsContract({ store: () => memory, other: () => memory });
});
