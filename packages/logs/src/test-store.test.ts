import { logsContract } from "@slipway/testkit";
import { describe } from "vitest";
import { MemoryStore } from "./test-store.ts";

describe("the store in memory keeps the contract of logs", () => {
  const memory = new MemoryStore();
  logsContract({ store: () => memory, other: () => memory });
});
