import { describe, expect, test } from "vitest";
import { appSpecs } from "./app-specs.ts";
import { restartDelay } from "./restart-policy.ts";
import { onStopSignals } from "./stop-signals.ts";

test("the supervisor runs one api, one stream, one router and as many workers as configured", () => {
  const specs = appSpecs({ WORKERS: "2", DATA_DIR: "/d" }, "json");
  expect(specs.map((spec) => [spec.name, spec.script])).toEqual([
    ["api", "apps/api/src/main.ts"],
    ["stream", "apps/stream/src/main.ts"],
    ["router", "apps/router/src/main.ts"],
    ["worker-1", "apps/worker/src/main.ts"],
    ["worker-2", "apps/worker/src/main.ts"],
  ]);
  expect(specs[4]?.environment).toMatchObject({
    DATA_DIR: "/d",
    SERVICE_NAME: "worker-2",
    LOG_FORMAT: "json",
  });
});

test("each process serves its metrics on a port of its own, counted from METRICS_PORT; without it on none", () => {
  const common = { WORKERS: "2", DATA_DIR: "/d" };
  const ports = (specs: ReturnType<typeof appSpecs>) =>
    specs.map(({ environment }) => environment["METRICS_PORT"]);
  const counted = appSpecs({ ...common, METRICS_PORT: "9464" }, "json");
  expect(ports(counted)).toEqual(["9464", "9465", "9466", "9467", "9468"]);
  expect(ports(appSpecs(common, "json")).filter((port) => port !== undefined)).toEqual([]);
});

test("only workers run with the options that free the buffers of streams early, routers with a small young generation", () => {
  const specs = appSpecs({ WORKERS: "1", DATA_DIR: "/d" }, "json");
  const tuned = specs.filter(({ nodeOptions }) => nodeOptions?.includes("--max-semi-space-size=1"));
  expect(tuned.map(({ name }) => name)).toEqual(["worker-1"]);
  expect(tuned[0]?.environment).toMatchObject({ MALLOC_MMAP_THRESHOLD_: "16384" });
  const router = specs.find(({ kind }) => kind === "router");
  expect(router?.nodeOptions).toEqual(["--max-semi-space-size=4"]);
  const withMalloc = specs.filter(({ environment }) => environment["MALLOC_ARENA_MAX"] === "1");
  expect(withMalloc.map(({ name }) => name)).toEqual(["router", "worker-1"]);
});

test("each process gets the settings that it reads, and no secret of another", () => {
  const secrets = {
    BOOTSTRAP_TOKEN: "t",
    SIGNING_KEYS_FILE: "k",
    RECEIPT_KEY_FILE: "k",
    REGISTRY_URL: "r",
    BLOBS_URL: "mongodb://b",
    AWS_SECRET_ACCESS_KEY: "a",
  };
  const runtime = { NODE_OPTIONS: "--trace-warnings", TZ: "UTC", https_proxy: "http://proxy" };
  const common = { WORKERS: "1", DATA_DIR: "/d", REDIS_URL: "redis://", INSTALLATION_ID: "i" };
  const specs = appSpecs({ ...common, ...runtime, ...secrets }, "json");
  const held = specs.map(({ name, environment }) => [
    name,
    Object.keys(environment).filter((key) => key in secrets),
  ]);
  expect(Object.fromEntries(held)).toEqual({
    api: ["BOOTSTRAP_TOKEN", "SIGNING_KEYS_FILE", "BLOBS_URL"],
    stream: ["SIGNING_KEYS_FILE"],
    router: [],
    "worker-1": ["RECEIPT_KEY_FILE", "REGISTRY_URL", "BLOBS_URL"],
  });
  for (const { environment } of specs) {
    expect(environment).toMatchObject({ ...runtime, DATA_DIR: "/d", REDIS_URL: "redis://" });
    expect(environment).not.toHaveProperty("WORKERS");
  }
  expect(specs.filter(({ usesEngine }) => usesEngine).map(({ name }) => name)).toEqual(["worker-1"]);
});

describe("restartDelay", () => {
  test("restartDelay grows with the exits of the last minute, and ends with the sixth", () => {
    const exits: number[] = [];
    const delays: (number | undefined)[] = [];
    for (let now = 0; now < 6_000; now += 1_000) {
      delays.push(restartDelay(exits, now));
      exits.push(now);
    }
    expect(delays).toEqual([500, 1_000, 2_000, 4_000, 8_000, undefined]);
  });

  test("restartDelay ignores exits of more than a minute ago", () => {
    expect(restartDelay([0, 1, 2, 3, 4, 5], 100_000)).toBe(500);
  });
});

test("one Ctrl-C that arrives several times drains once", () => {
  const calls: string[] = [];
  const ignore = onStopSignals(
    (signal) => calls.push(signal),
    () => calls.push("second"),
  );
  process.emit("SIGINT", "SIGINT");
  process.emit("SIGINT", "SIGINT");
  process.emit("SIGTERM", "SIGTERM");
  ignore();
  expect(calls).toEqual(["SIGINT"]);
});
