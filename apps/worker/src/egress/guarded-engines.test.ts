import { expect, test } from "vitest";
import { registryDestinations } from "./guarded-engines.ts";

function unexpected(error: unknown): never {
  throw error;
}

test.each([
  ["http://10.1.2.3:4873/npm/", { range: "10.1.2.3", family: "ip", port: 4873 }],
  ["http://192.168.1.1/", { range: "192.168.1.1", family: "ip", port: 80 }],
  ["https://[fd00::1]/", { range: "fd00::1", family: "ip6", port: 443 }],
])("the npm registry %s is open to builds at its port only", async (url, destination) => {
  expect(await registryDestinations(url, unexpected)).toEqual([destination]);
});

test("an npm registry on the public internet needs no rule, and neither does none", async () => {
  expect(await registryDestinations("https://1.1.1.1/", unexpected)).toEqual([]);
  expect(await registryDestinations(undefined, unexpected)).toEqual([]);
});

test("an npm registry whose name cannot be resolved is reported and not opened", async () => {
  const errors: unknown[] = [];
  expect(await registryDestinations("https://registry.invalid/", (error) => errors.push(error))).toEqual([]);
  expect(errors).toHaveLength(1);
});
