import { expect, test } from "vitest";
import { checkHealth } from "./health.ts";

test("the health check reports the error of each failed part, also of one that never responds", async () => {
  const health = await checkHealth(
    {
      store: async () => {},
      redis: async () => {
        throw new Error("connection refused");
      },
      engine: () => new Promise(() => {}),
    },
    20,
  );
  expect(health).toEqual({
    ok: false,
    parts: { store: "ok", redis: "connection refused", engine: "no answer within 20 ms" },
  });
});
