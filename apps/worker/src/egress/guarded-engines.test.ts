import { expect, test } from "vitest";
import { registryDestinations } from "./guarded-engines.ts";

function unexpected(_setting: string, error: unknown): never {
  throw error;
}

test.each([
  ["http://10.1.2.3:4873/npm/", { range: "10.1.2.3", family: "ip", port: 4873 }],
  ["http://192.168.1.1/", { range: "192.168.1.1", family: "ip", port: 80 }],
  ["https://[fd00::1]/", { range: "fd00::1", family: "ip6", port: 443 }],
])("the registry %s is open to builds at its port only", async (url, destination) => {
  expect(await registryDestinations({ NPM: url }, unexpected)).toEqual([destination]);
});

test("neither a registry on the public internet nor a missing one needs a rule", async () => {
  expect(await registryDestinations({ NPM: "https://1.1.1.1/" }, unexpected)).toEqual([]);
  expect(await registryDestinations({ NPM: undefined }, unexpected)).toEqual([]);
});

test("a registry whose name cannot be resolved is reported and not opened, unlike the others", async () => {
  const settings: string[] = [];
  const urls = { NPM: "https://registry.invalid/", PYTHON: "http://10.1.2.3/simple/" };
  expect(await registryDestinations(urls, (setting) => settings.push(setting))).toEqual([
    { range: "10.1.2.3", family: "ip", port: 80 },
  ]);
  expect(settings).toEqual(["NPM"]);
});

test("two registries at one address need one rule", async () => {
  const urls = { NPM: "http://10.1.2.3:8081/npm/", PYTHON: "http://10.1.2.3:8081/simple/" };
  expect(await registryDestinations(urls, unexpected)).toHaveLength(1);
});
