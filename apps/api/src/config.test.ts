import { expect, test } from "vitest";
import { readConfig } from "./config.ts";

const minimal = { INSTALLATION_ID: "ab12", REDIS_URL: "redis://127.0.0.1", SIGNING_KEY: "k".repeat(32) };

test("public URLs default to the ports, and lose a trailing slash", () => {
  expect(readConfig({ ...minimal, API_PORT: "5000" }).urls).toMatchObject({
    api: "http://127.0.0.1:5000",
    stream: "ws://127.0.0.1:4101",
  });
  const given = {
    PUBLIC_API_URL: "https://api.example/slipway/",
    PUBLIC_STREAM_URL: "wss://stream.example/",
  };
  expect(readConfig({ ...minimal, ...given }).urls).toMatchObject({
    api: "https://api.example/slipway",
    stream: "wss://stream.example",
  });
});

test("an app has the router's URL, or PUBLIC_APP_URL", () => {
  expect(readConfig(minimal).urls.app("demo")).toBe("http://demo.localhost:4180");
  const { urls } = readConfig({ ...minimal, PUBLIC_APP_URL: "https://{app}.apps.example.com" });
  expect(urls.app("demo")).toBe("https://demo.apps.example.com");
});

test("settings are grouped, and a size given in MiB is in bytes", () => {
  const { region, log, limits, rateLimits } = readConfig({
    ...minimal,
    SOURCE_MAX_MB: "2",
    RATE_LIMIT: "7",
    LOGIN_ATTEMPTS: "0",
  });
  expect({ region, log }).toEqual({ region: "local", log: { name: "api", level: "info", format: "json" } });
  expect(limits).toEqual({
    archiveBytes: 2 * 1024 * 1024,
    uploadMs: 600_000,
    queuedPerApp: 100,
    containersPerApp: 10,
    slotsPerOwner: 10,
    reservedSlots: 1,
  });
  expect(rateLimits).toEqual({
    tokenPerMinute: 7,
    pollsPerMinute: 12_000,
    addressPerMinute: 1_200,
    loginAttempts: 0,
  });
});

test("the error names every invalid setting and shows no secret", () => {
  const wrong = { ...minimal, SIGNING_KEY: "short-secret", PUBLIC_STREAM_URL: "http://x" };
  expect(() => readConfig(wrong)).toThrow(/PUBLIC_STREAM_URL: must be a ws[^]*SIGNING_KEY: must have/);
  expect(() => readConfig(wrong)).not.toThrow(/short-secret/);
});

test("signing keys come from a file, a list or one variable, and are required", () => {
  const { SIGNING_KEY: one, ...none } = minimal;
  const [first, second] = ["1".repeat(32), "2".repeat(32)];
  const list = { ...minimal, SIGNING_KEYS: `${second}, ${first}` };
  expect(readConfig(minimal).auth.signingKeys).toEqual([one]);
  expect(readConfig(list).auth.signingKeys).toEqual([second, first]);
  expect(readConfig({ ...list, SIGNING_KEYS_FILE: "/keys" }).auth.signingKeys).toEqual({ file: "/keys" });
  expect(() => readConfig({ ...none, API_PORT: "x" })).toThrow(/API_PORT[^]*SIGNING_KEY: is required/);
  expect(() => readConfig({ ...none, SIGNING_KEYS: "short" })).toThrow(
    /SIGNING_KEYS.0: must have at least 32/,
  );
});
