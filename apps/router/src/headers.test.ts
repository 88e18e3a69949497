// Headers that identify the client to an app, from proxies and from other clients.

import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import { readConfig } from "./config.ts";
import { setForwarded } from "./headers.ts";

test("X-Forwarded headers of trusted proxies are kept, except spellings with underscores", () => {
  const request = (remoteAddress: string, headers: IncomingHttpHeaders) =>
    ({ headers, socket: { remoteAddress } }) as IncomingMessage;
  const { trustedProxies: trusted } = readConfig({
    INSTALLATION_ID: "a",
    REDIS_URL: "redis://r",
    ROUTER_TRUST_PROXY: "loopback 203.0.113.7",
  }).server;
  const received = {
    host: "a.example.com",
    "x-forwarded-for": "198.51.100.1",
    "x-forwarded-proto": "https",
    "x-forwarded-prefix": "/shop",
    "x-real-ip": "198.51.100.1",
    x_forwarded_for: "6.6.6.6",
    x_real_ip: "6.6.6.6",
  };
  const proxied = request("::ffff:127.0.0.1", { ...received });
  setForwarded(proxied, trusted);
  expect(proxied.headers).toMatchObject({
    "x-forwarded-for": "198.51.100.1, 127.0.0.1",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "a.example.com",
    "x-forwarded-prefix": "/shop",
    "x-real-ip": "198.51.100.1",
  });
  expect(Object.keys(proxied.headers).filter((name) => name.includes("_"))).toEqual([]);
  const untrusted = request("203.0.113.8", { ...received });
  setForwarded(untrusted, trusted);
  expect(untrusted.headers).toMatchObject({
    "x-forwarded-for": "203.0.113.8",
    "x-forwarded-proto": "http",
  });
  const wrong = { INSTALLATION_ID: "a", REDIS_URL: "redis://r", ROUTER_TRUST_PROXY: "10.0.0.0/33" };
  expect(() => readConfig(wrong)).toThrow(/ROUTER_TRUST_PROXY: must be addresses/);
});
