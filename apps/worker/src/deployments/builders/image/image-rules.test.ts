import { parseImageReference } from "@slipway/core";
import { expect, test } from "vitest";
import { checkReference } from "./image-rules.ts";

const own = {
  registryHosts: ["Registry.example.com:443", "10.0.0.1:5000", "plain.example.com:80"],
  appId: "a",
};
const check = (name: string) =>
  checkReference(parseImageReference(`${name}@sha256:${"0a".repeat(32)}`), ["buildpacks", "image"], own);

test("images are refused unless the operator allows them", () => {
  const only = () =>
    checkReference(parseImageReference(`nginx@sha256:${"0a".repeat(32)}`), ["buildpacks", "dockerfile"], own);
  expect(only).toThrow(
    expect.objectContaining({
      code: "no-buildpack",
      message: expect.stringContaining("add image to BUILDERS"),
    }),
  );
});

test.each(["nginx", "ghcr.io/apps/b", "registry.example.com/team/app", "registry.example.com/apps/a"])(
  "an app may deploy %s",
  (name) => expect(() => check(name)).not.toThrow(),
);

test.each([
  "registry.example.com/apps/b",
  "registry.example.com:443/apps/b",
  "registry.example.com/apps/a/dependencies",
  "http://registry.example.com:443/apps/b",
  "http://plain.example.com/apps/b",
  "http://plain.example.com:80/apps/b",
  "http://10.0.0.1:5000/apps/b",
  "10.0.0.1:5000/slipway/stack",
])("an app may not deploy %s of the installation", (name) => {
  expect(() => check(name)).toThrow("is a repository of this installation");
});
