import { describe, expect, test } from "vitest";
import { createMasker } from "./masker.ts";
import { secretsOf } from "./secrets.ts";
import type { Variable } from "./secrets.ts";
import { seededRandom } from "../test-support/random.ts";

const variable = (name: string, value: string) => ({ name, value });
const pemBody = [
  "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
  "MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu",
  "NMoSfm76oqFvAp8Gy0iz5sxjZmSn",
];
const pem = ["-----BEGIN PRIVATE KEY-----", ...pemBody, "-----END PRIVATE KEY-----", ""].join("\n");
const credentials = {
  type: "service_account",
  project_id: "shop-production",
  private_key_id: "0f3a9c1be27d4485a6c19f0e37b2d8415c6e90ab",
  private_key: pem,
  client_email: "deploy@shop-production.iam.gserviceaccount.com",
  token_uri: "https://oauth2.googleapis.com/token",
  password: "hunter2-hunter2",
};

test.each([
  "API_KEY",
  "SECRET_KEY_BASE",
  "GITHUB_TOKEN",
  "db_password",
  "AWS_SECRET_ACCESS_KEY",
  "SENTRY_DSN",
  "NPM_AUTH",
])("the value of %s is secret", (name) => {
  expect(secretsOf([variable(name, "correct-horse")])).toContainEqual({
    variable: name,
    text: "correct-horse",
  });
});

test.each(["NODE_ENV", "AUTHOR", "KEYBOARD", "PATHS", "MONKEY"])("the value of %s is not secret", (name) => {
  expect(secretsOf([variable(name, "correct-horse")])).toEqual([]);
});

test.each([
  ["a short value", "1234567"],
  ["a common word", "production"],
  ["a common word in capitals", "DEVELOPMENT"],
  ["a common word with a number", "localhost:3000"],
  ["a placeholder", "changeme"],
  ["several common words", "node-app-staging"],
  ["the value of a variable that is not secret", "shop-of-ada"],
])("%s is not masked under a secret name", (_name, value) => {
  const mask = maskOf([variable("SECRET_KEY", value), variable("APP_TITLE", "shop-of-ada")]);
  const line = `NODE_ENV=${value} npm run build # ${value}`;
  expect(mask(line)).toBe(line);
});

test.each([
  ["a random value that another variable repeats", variable("LOGIN", "x8Kq2mZ91rTw04bC"), "x8Kq2mZ91rTw04bC"],
  [
    "a token of a known format under any name",
    variable("DEPLOY", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
    "",
  ],
])("%s is masked", (_name, other, secret) => {
  const mask = maskOf([variable("API_KEY", secret), other]);
  expect(mask(`x ${other.value} y`)).toBe("x [masked] y");
});

test("the credentials of any URL are secret, the rest of the URL is not", () => {
  const mask = maskOf([variable("DATABASE_URL", "postgres://ada:p%40ssword@db.internal:5432/app")]);
  expect(mask("at postgres://ada:p%40ssword@db.internal:5432/app")).toBe(
    "at postgres://[masked]@db.internal:5432/app",
  );
  expect(mask("password p@ssword")).toBe("password [masked]");
  expect(mask("db.internal:5432")).toBe("db.internal:5432");
});

test.each([
  ["a short password", "redis://:abc@cache:6379/0", "redis://[masked]@cache:6379/0"],
  ["a common word", "postgresql://postgres:postgres@db/app", "postgresql://[masked]@db/app"],
  ["several hosts", "mongodb://a:b1@m1:27017,m2:27017/x", "mongodb://[masked]@m1:27017,m2:27017/x"],
])("%s is masked in its URL and not elsewhere", (_name, url, masked) => {
  const mask = maskOf([variable("SOME_URL", url)]);
  expect(mask(`connecting to ${url}…`)).toBe(`connecting to ${masked}…`);
  expect(mask(Buffer.from(url).toString("base64"))).toContain("[masked]");
  for (const line of ["the postgres image", "abc", "connecting to db/app"]) expect(mask(line)).toBe(line);
});

test("an address without credentials is not masked under a secret name", () => {
  expect(maskOf([variable("AUTH_URL", "https://login.example.com")])("https://login.example.com")).toContain(
    "login.example.com",
  );
});

describe.each([
  ["pretty JSON", JSON.stringify(credentials, undefined, 2)],
  ["compact JSON", JSON.stringify(credentials)],
  ["JSON within JSON", JSON.stringify({ google: JSON.stringify(credentials) })],
])("credentials as %s", (_name, value) => {
  const mask = maskOf([variable("GOOGLE_CREDENTIALS", value)]);

  test("ordinary lines of a file with secrets stay", () => {
    const lines = [
      `  "type": "service_account",`,
      `  "project_id": "shop-production",`,
      `  "client_email": "deploy@shop-production.iam.gserviceaccount.com",`,
      `  "token_uri": "https://oauth2.googleapis.com/token",`,
      "-----BEGIN PRIVATE KEY-----",
    ];
    for (const line of lines) expect(mask(line)).toBe(line);
  });

  test("the secrets of a file are masked, printed alone, in the file, in JSON of JSON, encoded and broken into lines", () => {
    expect(mask(`"private_key_id": "${credentials.private_key_id}",`)).toBe(`"private_key_id": "[masked]",`);
    const once = JSON.stringify(value);
    const all = [
      pem,
      value,
      once,
      JSON.stringify(once),
      JSON.stringify(JSON.stringify(once)),
      inspected(value),
    ];
    const encoded = all.flatMap((text) => [text, encodeURIComponent(text)]);
    const wrapped = [64, 76].map((width) => wrap(Buffer.from(value).toString("base64"), width));
    for (const text of [...encoded, ...wrapped]) {
      const masked = mask(text);
      for (const part of [...pemBody, ...pemBody.map(encodeURIComponent), credentials.private_key_id])
        expect(masked).not.toContain(part);
      expect(masked).not.toContain(credentials.password);
    }
    for (const line of wrapped.join("\n").split("\n")) expect(mask(line).length).toBeLessThan(31);
  });
});

test("each line of a key is masked, also when its line breaks are escaped", () => {
  for (const value of [pem, pem.replaceAll("\n", "\\n"), pem.replaceAll("\n", "\r\n")]) {
    const mask = maskOf([variable("DEPLOY_KEY", value)]);
    expect(mask(pem)).toBe(
      "-----BEGIN PRIVATE KEY-----\n[masked]\n[masked]\n[masked]\n-----END PRIVATE KEY-----\n",
    );
  }
});

test("the secret values of a file of variables are masked, and all lines of a text without variables", () => {
  const mask = maskOf([
    variable("ENV_SECRETS", "export NODE_ENV=production\nDB_PASSWORD='hunter2-hunter2'\nTITLE=a shop"),
    variable("PASSPHRASE", "correct horse\nbattery staple"),
  ]);
  expect(mask("DB_PASSWORD='hunter2-hunter2' TITLE=a shop")).toBe("DB_PASSWORD='[masked]' TITLE=a shop");
  expect(mask("correct horse, battery staple")).toBe("[masked], [masked]");
});

test("a value is masked when it is quoted for JSON or a shell", () => {
  const value = `it's "a" C:\\secret/$HOME&<é>`;
  const mask = maskOf([variable("API_TOKEN", value)]);
  const json = JSON.stringify({ token: value });
  expect(mask(json)).toBe('{"token":"[masked]"}');
  expect(mask(JSON.stringify({ body: json }))).toBe(String.raw`{"body":"{\"token\":\"[masked]\"}"}`);
  const texts = [
    String.raw`it'\''s "a" C:\secret/$HOME&<é>`,
    String.raw`it's \"a\" C:\\secret\/$HOME&<é>`,
    String.raw`it's \"a\" C:\\secret/$HOME\u0026\u003cé\u003e`,
    String.raw`it's \"a\" C:\\secret/$HOME&<\u00e9>`,
    String.raw`it's \"a\" C:\\secret/\$HOME&<é>`,
    String.raw`it\'s "a" C:\\secret/$HOME&<é>`,
    String.raw`it\'s\ \"a\"\ C:\\secret/\$HOME\&\<\é\>`,
  ];
  for (const text of texts) expect(mask(text)).toBe("[masked]");
});

test("a value is masked with color codes between its characters, which stay", () => {
  const mask = maskOf([variable("API_TOKEN", "correct-horse")]);
  expect(mask("\x1b[1mtoken \x1b[32mcorr\x1b[0mect\x1b[31m-horse\x1b[0m!\x1b[K")).toBe(
    "\x1b[1mtoken \x1b[32m[masked]\x1b[0m\x1b[31m\x1b[0m!\x1b[K",
  );
  expect(mask("\x1b[1mcorrect\x1b[0m horse")).toBe("\x1b[1mcorrect\x1b[0m horse");
});

test("the masker names the variables whose values it has hidden", () => {
  const masker = createMasker(
    secretsOf([
      variable("B_KEY", "correct-horse"),
      variable("A_KEY", "battery-staple"),
      variable("C_KEY", "unused-secret"),
    ]),
  );
  masker.cutBefore("unused-secret", 4);
  expect(masker.hidden()).toEqual([]);
  masker.mask("correct-horse\nbattery-staple correct-horse");
  expect(masker.hidden()).toEqual(["A_KEY", "B_KEY"]);
});

test("whole values of thousands of secrets are found in all forms, and a variable with many lines as its lines", () => {
  const lines = Array.from({ length: 900 }, (_, index) => `line${index}`.padEnd(9, "x"));
  const many = Array.from({ length: 4 }, (_, index) =>
    variable(`A_KEY_${index}`, lines.map((line) => `${index}${line}`).join("\n")),
  );
  const mask = maskOf([...many, variable("Z_TOKEN", "correct-horse")]);
  expect(mask(Buffer.from("correct-horse").toString("base64"))).toContain("[masked]");
  expect(mask("3line899xx correct-horse")).toBe("[masked] [masked]");
});

test("overlapping and adjacent secrets are masked as one", () => {
  const masker = createMasker(
    ["abcdefgh", "efghijkl", "12345678"].map((text) => ({ variable: "KEY", text })),
  );
  expect(masker.mask("<abcdefghijkl12345678>")).toBe("<[masked]>");
  expect(masker.mask("abcdefgh abcdefg")).toBe("[masked] abcdefg");
});

test("every occurrence of many random secrets is found, and other text stays", () => {
  const random = seededRandom(7);
  const word = () => Array.from({ length: 8 + random(30) }, () => "abcd"[random(4)]).join("");
  const words = Array.from({ length: 200 }, word);
  const masker = createMasker(words.map((text) => ({ variable: "KEY", text })));
  for (let round = 0; round < 200; round += 1) {
    const text = Array.from({ length: 20 }, () => (random(3) === 0 ? words[random(200)] : word())).join("-");
    const masked = masker.mask(text);
    for (const secret of words) expect(masked).not.toContain(secret);
    expect(masked === text).toBe(words.every((secret) => !text.includes(secret)));
  }
});

function maskOf(variables: readonly Variable[]): (text: string) => string {
  const masker = createMasker(secretsOf(variables));
  return (text) => masker.mask(text);
}

function inspected(text: string): string {
  return `'${text
    .replaceAll("\\", String.raw`\\`)
    .replaceAll("'", String.raw`\'`)
    .replaceAll("\n", String.raw`\n`)}'`;
}

function wrap(text: string, width: number): string {
  return (text.match(new RegExp(`.{1,${width}}`, "g")) ?? []).join("\n");
}
