import { networkInterfaces } from "node:os";
import { expect, test } from "vitest";
import { refusal } from "@slipway/testkit";
import { checkImage, checkStep } from "./step-rules.ts";

const stack = "registry.example:5000/slipway/stack:1";
const [own = ""] = Object.values(networkInterfaces()).flatMap(
  (all) => all?.map(({ address }) => address) ?? [],
);
const addresses: Readonly<Record<string, readonly string[]>> = {
  "ghcr.io": ["140.82.121.34", "2606:50c0:8000::154"],
  "metadata.example": ["169.254.169.254"],
  "private.example": ["192.168.1.1"],
  "mixed.example": ["140.82.121.34", "10.0.0.1"],
  "mapped.example": ["::ffff:10.0.0.1"],
  "host.example": [own],
  "open.example": ["10.1.2.3"],
};
const rules = {
  registryHost: "registry.example:5000",
  stacks: [stack],
  open: [{ range: "10.1.2.0/24", family: "ip", port: 5000 }],
  addressesOf: async (host: string) => addresses[host] ?? null,
  checkPull: async () => undefined,
} as const;
const refused = (name: string) => refusal(checkStep(rules, name));

test.each([
  ["http://169.254.169.254/latest/meta-data", /engine would fetch/],
  ["git://10.0.0.1/x.git", /engine would fetch/],
  ["[internal] load metadata for registry.example:5000/apps/other:1", /image of this installation/],
  ["[one 1/2] FROM registry.example:5000/slipway/stack:12", /image of this installation/],
  ["FROM docker.io/slipway-1/snapshots/app:1", /image of this installation/],
  ["[internal] load metadata for 127.0.0.1:2375/x:latest", /public internet/],
  ["[internal] load metadata for localhost/x:latest", /public internet/],
  ["[internal] load metadata for [::1]:5000/x:latest", /public internet/],
  ["[internal] load metadata for 10.1.2.3:5001/x:latest", /public internet/],
  ["[2/3] ADD http://169.254.169.254/latest/meta-data /x", /engine would fetch/],
  ["[1/2] ONBUILD ADD https://example.com/x /x", /engine would fetch/],
  ["[2/3] ADD git@example.com:a/b.git /x", /engine would fetch/],
  ["[1/2] FROM REGISTRY.Example:5000/apps/other:1", /image of this installation/],
  ["[internal] load metadata for docker.io/library/slipway-built:1", /image of this installation/],
  ["resolve image config for docker-image://localhost:5000/frontend:1", /public internet/],
  ["[internal] load metadata for metadata.example/latest/meta-data:1", /public internet/],
  ["[internal] load metadata for private.example:5000/x:1", /public internet/],
  ["[internal] load metadata for mixed.example/x:1", /public internet/],
  ["[internal] load metadata for mapped.example/x:1", /public internet/],
  ["[internal] load metadata for host.example/x:1", /public internet/],
  ["[internal] load metadata for open.example/x:1", /public internet/],
  ["[internal] load metadata for nowhere.example/x:1", /name does not exist/],
  ["[1/2] FROM INTERNAL/apps/other:1", /name does not exist/],
  ["[internal] load metadata for LocalHost/x:1", /public internet/],
])("the part %j of a build is refused", async (name, reason) => {
  expect(await refused(name)).toMatch(reason);
});

test.each([
  ["registry.example", "registry.example:443"],
  ["registry.example:443", "registry.example"],
  ["registry.example:80", "registry.example"],
])("an image of the registry %s is recognized by the name %s", async (registryHost, named) => {
  const step = `[1/2] FROM ${named}/apps/other:1`;
  expect(await refusal(checkStep({ ...rules, registryHost }, step))).toMatch(/image of this installation/);
});

test.each([
  `[internal] load metadata for ${stack}`,
  `[1/2] FROM ${stack}@sha256:0123`,
  "[internal] load metadata for docker.io/library/node:24",
  "[internal] load metadata for ghcr.io/some/image:1",
  "[internal] load metadata for 10.1.2.3:5000/x:latest",
  "http://buildkit-session/context",
  "[2/2] RUN curl http://10.0.0.1/ && echo FROM localhost/x",
  "[2/2] RUN [ -e /x ] FROM localhost/x",
  "[2/2] ADD files.tar /x",
  "resolve image config for docker-image://docker.io/docker/dockerfile:1",
  "[internal] load metadata for open.example:5000/x:1",
])("the part %j of a build runs", async (name) => {
  expect(await checkStep(rules, name)).toBeUndefined();
});

test("images that a Dockerfile names are checked by the names that the engine gives them", async () => {
  expect(await refusal(checkImage(rules, "slipway-built:1"))).toMatch(/image of this installation/);
  expect(await refusal(checkImage(rules, "private.example/x"))).toMatch(/public internet/);
  for (const image of ["node:24", "some/image", "ghcr.io/some/image", stack]) await checkImage(rules, image);
});

test("the size of an image of another registry is checked by its full name, not that of a stack", async () => {
  const checked: string[] = [];
  const sized = { ...rules, checkPull: async (image: string) => void checked.push(image) };
  for (const image of ["node:24", "ghcr.io/some/image:1", stack, `${stack}@sha256:0123`])
    await checkImage(sized, image);
  await checkStep(sized, "[internal] load metadata for docker.io/library/python:3");
  expect(checked).toEqual([
    "docker.io/library/node:24",
    "ghcr.io/some/image:1",
    "docker.io/library/python:3",
  ]);
});
