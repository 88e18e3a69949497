import { expect, test } from "vitest";
import { registryLogin } from "./registry-login.ts";

const host = "registry.example.com:5000";
const auth = Buffer.from("ada:se:cret").toString("base64");
const variable = (auths: object) => JSON.stringify({ auths, credsStore: "desktop" });

test.each([
  [{ [host]: { auth } }, host, { username: "ada", password: "se:cret" }],
  [{ [`https://${host}`]: { username: "ada", password: "x" } }, host, { username: "ada", password: "x" }],
  [{ "https://index.docker.io/v1/": { auth } }, "docker.io", { username: "ada", password: "se:cret" }],
  [{ "other.example.com": { auth } }, host, null],
])("of the logins %j %s gets its own", (auths, wanted, login) => {
  expect(registryLogin(variable(auths), wanted)).toEqual(login);
});

test("without the variable there is no login", () => {
  expect(registryLogin(" ", host)).toBeNull();
});

test.each([
  ["ada:secret", "is not in the format of Docker's config.json"],
  ['{"auths":["secret"]}', "is not in the format of Docker's config.json"],
  [variable({ [host]: { auth: "secret" } }), `has neither auth nor username and password for ${host}`],
])("the value %s is refused without being quoted", (text, message) => {
  expect(() => registryLogin(text, host)).toThrow(
    expect.objectContaining({
      code: "build-failed",
      message: expect.stringMatching(new RegExp(`${message}(?!.*secret)`)),
    }),
  );
});
