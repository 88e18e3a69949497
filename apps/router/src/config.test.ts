import { expect, test } from "vitest";
import { readConfig } from "./config.ts";

test("settings are grouped, and a size given in MiB is in bytes", () => {
  const { log, limits } = readConfig({
    INSTALLATION_ID: "ab12",
    REDIS_URL: "redis://127.0.0.1",
    ROUTER_BODY_MAX_MB: "2",
  });
  expect(log.name).toBe("router");
  expect(limits).toEqual({ timeoutMs: 60_000, bodyMaxBytes: 2 * 1024 * 1024 });
});
