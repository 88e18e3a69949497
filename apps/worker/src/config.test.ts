import { expect, test } from "vitest";
import { readConfig } from "./config.ts";

const mebibyte = 1024 ** 2;
const required = {
  INSTALLATION_ID: "config-test",
  REDIS_URL: "redis://127.0.0.1:6379",
  REGISTRY_URL: "http://registry.example",
  STACK_IMAGE: "registry.example/stack:1",
  RECEIPT_KEY: "0123456789abcdef0123456789abcdef",
};

test("sizes that the environment has in MiB are bytes in the configuration", () => {
  const { build, instance, limits } = readConfig({
    ...required,
    BUILD_MEMORY_MB: "1",
    BUILD_DISK_MB: "2",
    BUILD_TMPFS_MB: "3",
    APP_MEMORY_MB: "4",
    SOURCE_MAX_MB: "5",
    IMAGE_MAX_MB: "6",
    CACHE_MAX_MB: "7",
    LOG_MAX_MB: "8",
  });
  const sizes = [build.memoryBytes, build.diskBytes, build.tmpfsBytes, instance.memoryBytes];
  const maxima = [limits.sourceBytes, limits.imageBytes, limits.cacheBytes, limits.logBytes];
  expect([...sizes, ...maxima]).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((size) => size * mebibyte));
});

test("builds run in STACK_BUILD_IMAGE, or in STACK_IMAGE if only that is set", () => {
  expect(readConfig(required).stackBuildImage).toBe(required.STACK_IMAGE);
  const { stackImage, stackBuildImage } = readConfig({ ...required, STACK_BUILD_IMAGE: "build:1" });
  expect([stackImage, stackBuildImage]).toEqual([required.STACK_IMAGE, "build:1"]);
});

test("releases run on the engine of the builds unless the scheduler has an engine of its own", () => {
  const shared = readConfig({ ...required, DOCKER_HOST: "tcp://builds:2375" });
  expect(shared.scheduler.dockerHost).toBe("tcp://builds:2375");
  const separate = readConfig({ ...required, SCHEDULER_DOCKER_HOST: "tcp://releases:2375" });
  expect(separate.scheduler.dockerHost).toBe("tcp://releases:2375");
  expect(separate.engine.dockerHost).toBeUndefined();
});

test("the builder cnb cannot be combined with a container runtime of builds", () => {
  const both = { ...required, BUILDERS: "buildpacks cnb", BUILD_RUNTIME: "runsc" };
  expect(() => readConfig(both)).toThrow(/BUILDERS: must not contain cnb while BUILD_RUNTIME is set/);
  expect(readConfig({ ...both, BUILDERS: "buildpacks" }).runtimes.builds).toBe("runsc");
  expect(readConfig({ ...both, BUILD_RUNTIME: undefined }).builders).toContain("cnb");
});
