import { expect, test } from "vitest";
import { formatImageReference, isSameRegistry, parseImageReference } from "./image-reference.ts";

const digest = `sha256:${"0a".repeat(32)}`;

test.each([
  ["registry.example.com/team/app", "registry.example.com/team/app"],
  ["registry.example.com:5000/app:1.2", "registry.example.com:5000/app"],
  ["LOCALHOST/app", "localhost/app"],
  ["[fd00::1]:5000/app", "[fd00::1]:5000/app"],
  ["https://ghcr.io/a/b", "ghcr.io/a/b"],
  ["http://10.1.2.3:5000/a", "http://10.1.2.3:5000/a"],
  ["ghcr.io:443/a", "ghcr.io/a"],
  ["http://2130706433:80/a", "http://127.0.0.1/a"],
  ["nginx", "docker.io/library/nginx"],
  ["team/app:latest", "docker.io/team/app"],
])("%s is read as %s", (given, formatted) => {
  const reference = parseImageReference(`${given}@${digest}`);
  expect(reference.digest).toBe(digest);
  expect(formatImageReference(reference)).toBe(`${formatted}@${digest}`);
  expect(parseImageReference(formatImageReference(reference))).toEqual(reference);
});

test.each([
  ["registry.example.com", "Registry.example.com:443", true],
  ["registry.example.com:80", "registry.example.com", true],
  ["[FD00::1]:443", "[fd00::1]", true],
  ["2130706433:5000", "127.0.0.1:5000", true],
  ["registry.example.com:5000", "registry.example.com", false],
  ["registry.example.com:8443", "registry.example.com", false],
  ["[fd00::443]", "[fd00::]", false],
  ["registry.example.com", "example.com", false],
])("whether %s and %s are one registry: %s", (one, other, expected) => {
  expect(isSameRegistry(one, other)).toBe(expected);
});

test("a name without a digest is refused, with how to get one", () => {
  expect(() => parseImageReference("ghcr.io/team/app:1.2")).toThrow(
    'has no digest, and a tag may name another image tomorrow: add the digest that "docker buildx imagetools inspect ghcr.io/team/app:1.2" prints',
  );
});

test.each([
  `ghcr.io/app@sha256:${"0A".repeat(32)}`,
  "ghcr.io/app@sha256:0a",
  `ghcr.io/app@sha512:${"0a".repeat(64)}`,
])("%s has a digest that is refused", (text) => {
  expect(() => parseImageReference(text)).toThrow("has a digest that is not sha256:");
});

test.each([
  "",
  "@",
  `@${digest}`,
  `ghcr.io/@${digest}`,
  `ghcr.io/App@${digest}`,
  `ghcr.io/a/../b@${digest}`,
  `ghcr.io/a//b@${digest}`,
  `user:password@ghcr.io/a@${digest}`,
  `ftp://ghcr.io/a@${digest}`,
  `ghcr.io/a?b@${digest}`,
  `ghcr.io/${"a/".repeat(250)}a@${digest}`,
])("%s is not the name of an image", (text) => {
  expect(() => parseImageReference(text)).toThrow("must be an image's name with its digest");
});
