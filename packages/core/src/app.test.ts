import { expect, test } from "vitest";
import { changeApp, checkAppName, newApp } from "./app.ts";

const createdAt = new Date("2026-03-04T05:06:07.000Z");
const request = { id: "a", name: "hello", ownerId: "o", createdAt };

test.each(["ab", "a1", "my-app", "a-b-c", "app2", "x".repeat(48)])("%s is a valid app name", (name) => {
  expect(() => {
    checkAppName(name);
  }).not.toThrow();
});

test.each([
  "",
  "a",
  "1app",
  "-app",
  "app-",
  "my--app",
  "My-App",
  "my_app",
  "my.app",
  "é-app",
  "app\n",
  "a b",
  "x".repeat(49),
])("%j is not a valid app name", (name) => {
  const invalid = { code: "invalid", fields: { name: [expect.stringContaining("2 to 48 lower-case")] } };
  expect(() => {
    checkAppName(name);
  }).toThrow(expect.objectContaining(invalid));
  expect(() => newApp({ ...request, name })).toThrow(expect.objectContaining(invalid));
});

test("a new app has no release and no targets", () => {
  expect(newApp(request)).toEqual({
    ...request,
    concurrencyPolicy: "queue",
    builder: "auto",
    builderImage: null,
    stack: null,
    updatedAt: createdAt,
    deletedAt: null,
    revision: 1,
    currentReleaseId: null,
    currentRolloutId: null,
    targets: [],
    webCount: 1,
    lastDeployedAt: null,
    cacheVersion: 1,
  });
});

test("changeApp increments the revision, keeps other fields and does not modify its argument", () => {
  const app = newApp(request);
  const at = new Date("2026-03-05T00:00:00.000Z");
  const changes = { currentReleaseId: "r", targets: [{ host: "127.0.0.1", port: 32_768 }], webCount: 2 };
  expect(changeApp(app, at, changes)).toEqual({ ...app, ...changes, updatedAt: at, revision: 2 });
  expect(app).toEqual(newApp(request));
});
