import { describe, expect, test } from "vitest";
import { isUnattended, readConfig, readOwnConfig } from "./config.ts";
import { repositoryRoot } from "./repository.ts";
import { SetupError } from "./setup-error.ts";

test("tests and benchmarks do not use the installation that the shell is configured for", () => {
  const shell = {
    DATA_DIR: "/data",
    REDIS_URL: "redis://production",
    REGISTRY_URL: "https://production",
    SIGNING_KEY: "production",
    BOOTSTRAP_TOKEN: "production",
    SCHEDULER_DOCKER_HOST: "tcp://production",
    DOCKER_HOST: "tcp://engine",
    CI: "true",
  };
  const { dataDir, dockerHost, unattended, ...others } = readOwnConfig("test", shell);
  expect({ dataDir, dockerHost, unattended }).toEqual({
    dataDir: "/data/test",
    dockerHost: "tcp://engine",
    unattended: true,
  });
  expect(JSON.stringify(others)).not.toContain("production");
  expect(others.signingKeysGiven).toBe(false);
  const given = { TEST_REDIS_URL: "redis://tests", TEST_REGISTRY_URL: "https://tests" };
  expect(readOwnConfig("bench", { ...shell, ...given })).toMatchObject({
    dataDir: "/data/bench",
    redisUrl: "redis://tests",
    registryUrl: "https://tests",
  });
});

test.each([
  [undefined, false],
  ["", false],
  ["false", false],
  ["true", true],
  ["1", true],
])("with CI=%s a missing part is an error: %s", (value, expected) => {
  expect(isUnattended({ CI: value })).toBe(expected);
});

describe("readConfig", () => {
  test("readConfig has a default value for each setting that needs one", () => {
    expect(readConfig({})).toEqual({
      dataDir: `${repositoryRoot}/.slipway`,
      apiPort: 4100,
      streamPort: 4101,
      routerPort: 4180,
      workers: 2,
      engineWorkers: 2,
      receiptKeyGiven: false,
      signingKeysGiven: false,
      graceMs: 30_000,
      unattended: false,
      showsToken: true,
    });
  });

  test("readConfig uses the variables that are set, and ignores empty ones", () => {
    const config = readConfig({
      DATA_DIR: "/var/lib/slipway",
      WORKERS: "4",
      REDIS_URL: "redis://127.0.0.1:6379",
      STACK_IMAGE: "",
      STACK_BUILD_IMAGE: "build:1",
      NODE_EXTRA_CA_CERTS: "/ca.pem",
    });
    expect(config).toMatchObject({
      dataDir: "/var/lib/slipway",
      workers: 4,
      engineWorkers: 4,
      redisUrl: "redis://127.0.0.1:6379",
      stackBuildImage: "build:1",
    });
    expect(config).not.toHaveProperty("stackImage");
    expect(config.buildCaBundle).toBe("/ca.pem");
  });

  test("readConfig throws with every invalid variable", () => {
    const wrong = { API_PORT: "http", WORKERS: "0", REDIS_URL: "127.0.0.1", REGISTRY_URL: "ftp://x" };
    expect(() => readConfig(wrong)).toThrow(SetupError);
    expect(() => readConfig(wrong)).toThrow(/API_PORT[^]*WORKERS[^]*REDIS_URL[^]*REGISTRY_URL/);
  });

  test("readConfig refuses the same port for two processes", () => {
    expect(() => readConfig({ API_PORT: "5000", STREAM_PORT: "5000" })).toThrow(
      /API_PORT: must differ from STREAM_PORT: both are 5000/,
    );
    expect(() => readConfig({ ROUTER_PORT: "4101" })).toThrow(
      /STREAM_PORT: must differ from ROUTER_PORT: both are 4101/,
    );
  });
});
