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

test.each([
  ["10.0.0.0/8", true],
  ["10.1.2.3, fd00::/128", true],
  ["loopback", true],
  ["10.0.0.0/33", false],
  ["fd00::/129", false],
  ["10.0.0.0/8/8", false],
  ["proxy.example", false],
  ["proxy.example/8", false],
])("ROUTER_TRUST_PROXY %j is valid: %s", (value, isValid) => {
  const read = () =>
    readConfig({ INSTALLATION_ID: "ab12", REDIS_URL: "redis://127.0.0.1", ROUTER_TRUST_PROXY: value });
  if (isValid) expect(read).not.toThrow();
  else expect(read).toThrow(/ROUTER_TRUST_PROXY/);
});
