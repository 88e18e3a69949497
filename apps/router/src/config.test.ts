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

const withProxies = (proxies: string) =>
  readConfig({ INSTALLATION_ID: "ab12", REDIS_URL: "redis://127.0.0.1", ROUTER_TRUST_PROXY: proxies });

test.each(["10.0.0.0/8", "10.1.2.3, fd00::/128", "loopback"])("ROUTER_TRUST_PROXY may be %s", (proxies) => {
  expect(() => withProxies(proxies)).not.toThrow();
});

test.each(["10.0.0.0/33", "fd00::/129", "10.0.0.0/8/8", "proxy.example", "proxy.example/8"])(
  "ROUTER_TRUST_PROXY may not be %s",
  (proxies) => {
    expect(() => withProxies(proxies)).toThrow(/ROUTER_TRUST_PROXY/);
  },
);
