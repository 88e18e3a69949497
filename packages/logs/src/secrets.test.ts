import { expect, test } from "vitest";
import { createMasker, secretsOf } from "./secrets.ts";
import { seededRandom } from "../test-support/random.ts";

const variable = (name: string, value: string) => ({ name, value });

test.each([
  "API_KEY",
  "SECRET_KEY_BASE",
  "GITHUB_TOKEN",
  "db_password",
  "AWS_SECRET_ACCESS_KEY",
  "SENTRY_DSN",
  "NPM_AUTH",
])("the value of %s is secret", (name) => {
  expect(secretsOf([variable(name, "correct-horse")])).toContain("correct-horse");
});

test.each(["NODE_ENV", "AUTHOR", "KEYBOARD", "PATHS", "MONKEY"])("the value of %s is not secret", (name) => {
  expect(secretsOf([variable(name, "correct-horse")])).toEqual([]);
});

test("short values are not masked", () => {
  expect(secretsOf([variable("API_KEY", "1234567")])).toEqual([]);
});

test("the credentials of any URL are secret, the rest of the URL is not", () => {
  const mask = maskOf([variable("DATABASE_URL", "postgres://ada:p%40ssword@db.internal:5432/app")]);
  expect(mask("at postgres://ada:p%40ssword@db.internal:5432/app")).toBe(
    "at postgres://[masked]@db.internal:5432/app",
  );
  expect(mask("password p@ssword")).toBe("password [masked]");
  expect(mask("db.internal:5432")).toBe("db.internal:5432");
});

test("an address without credentials is not masked under a secret name", () => {
  expect(maskOf([variable("AUTH_URL", "https://login.example.com")])("https://login.example.com")).toContain(
    "login.example.com",
  );
});

test("each line of a value and its encoded forms are masked", () => {
  const key = "-----BEGIN KEY-----\nMIIBOgIBAAJBAK\nshort\n9q2w3e4r5t6z7u8i\n-----END KEY-----";
  const mask = maskOf([variable("PRIVATE_KEY", key), variable("API_TOKEN", "a b/c?d=e&f")]);
  expect(mask("x MIIBOgIBAAJBAK y")).toBe("x [masked] y");
  expect(mask("short")).toBe("short");
  expect(mask("-----BEGIN KEY-----")).toBe("-----BEGIN KEY-----");
  expect(mask(`auth ${Buffer.from("a b/c?d=e&f").toString("base64")}`)).not.toContain("YSBi");
  expect(mask(encodeURIComponent("a b/c?d=e&f"))).toBe("[masked]");
});

test("a value is masked when it is quoted for JSON or a shell", () => {
  const value = `it's "a" C:\\secret`;
  const mask = maskOf([variable("API_TOKEN", value)]);
  expect(mask(JSON.stringify({ token: value }))).toBe('{"token":"[masked]"}');
  expect(mask(String.raw`+ login 'it'\''s "a" C:\secret'`)).toBe("+ login '[masked]'");
});

test("overlapping and adjacent secrets are masked as one", () => {
  const masker = createMasker(["abcdefgh", "efghijkl", "12345678"]);
  expect(masker.mask("<abcdefghijkl12345678>")).toBe("<[masked]>");
  expect(masker.mask("abcdefgh abcdefg")).toBe("[masked] abcdefg");
});

test("every occurrence of many random secrets is found", () => {
  const random = seededRandom(7);
  const word = () => Array.from({ length: 8 + random(30) }, () => "abcd"[random(4)]).join("");
  const words = Array.from({ length: 200 }, word);
  const masker = createMasker(words);
  for (let round = 0; round < 200; round += 1) {
    const text = Array.from({ length: 20 }, () => (random(3) === 0 ? words[random(200)] : word())).join("-");
    const masked = masker.mask(text);
    for (const secret of words) expect(masked).not.toContain(secret);
    expect(masked === text).toBe(words.every((secret) => !text.includes(secret)));
  }
});

function maskOf(variables: readonly { name: string; value: string }[]): (text: string) => string {
  const masker = createMasker(secretsOf(variables));
  return (text) => masker.mask(text);
}
