import { expect, test } from "vitest";
import { readConfig } from "./config.ts";

const minimal = { INSTALLATION_ID: "ab12", REDIS_URL: "redis://127.0.0.1", SIGNING_KEY: "k".repeat(32) };

test("public URLs default to the ports, and lose a trailing slash", () => {
  expect(readConfig({ ...minimal, API_PORT: "5000" })).toMatchObject({
    PUBLIC_API_URL: "http://127.0.0.1:5000",
    PUBLIC_STREAM_URL: "ws://127.0.0.1:4101",
    SOURCE_MAX_MB: 300 * 1024 * 1024,
    REGION_NAME: "local",
  });
  const given = {
    PUBLIC_API_URL: "https://api.example/slipway/",
    PUBLIC_STREAM_URL: "wss://stream.example/",
  };
  expect(readConfig({ ...minimal, ...given })).toMatchObject({
    PUBLIC_API_URL: "https://api.example/slipway",
    PUBLIC_STREAM_URL: "wss://stream.example",
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
  expect(readConfig(minimal).signingKeys).toEqual([one]);
  expect(readConfig(list).signingKeys).toEqual([second, first]);
  expect(readConfig({ ...list, SIGNING_KEYS_FILE: "/keys" }).signingKeys).toEqual({ file: "/keys" });
  expect(() => readConfig({ ...none, API_PORT: "x" })).toThrow(/API_PORT[^]*SIGNING_KEY: is required/);
  expect(() => readConfig({ ...none, SIGNING_KEYS: "short" })).toThrow(
    /SIGNING_KEYS.0: must have at least 32/,
  );
});
