// Properties of the path from bytes to lines: whatever a build prints and however it arrives, no complete secret remains.

import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { LineSplitter } from "./line-splitter.ts";
import { createMasker } from "./masker.ts";
import { secretsOf } from "./secrets.ts";
import { seededRandom } from "../test-support/random.ts";

const random = seededRandom(2_026);
const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
const textOf = (alphabet: string, length: number) =>
  Array.from({ length }, () => pick(Array.from(alphabet))).join("");

const alphabets = [
  "0123456789abcdef",
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
  `abcXYZ019 !"#$%&'()*+,-./:;<=>?@[\\]^_{|}~`,
  "äöü€🚢 xyz",
];
const ordinaryLines = [
  `NODE_ENV=production npm run build`,
  `       added 120 packages in 3s from https://registry.example/`,
  `  "type": "service_account",`,
  `\x1b[32m✓\x1b[39m 12 modules transformed (dist/assets/index-4f.js 14.2 kB)`,
  `at Object.<anonymous> (/app/node_modules/express/lib/router/index.js:47:12)`,
  `-----> Installing Node.js 24.1.0`,
];

/** The ways in which builds print a value, implemented without the code under test. */
const encodings: ((value: string) => string)[] = [
  (value) => value,
  (value) => JSON.stringify(value),
  (value) => JSON.stringify(JSON.stringify({ value })),
  (value) => JSON.stringify(JSON.stringify([JSON.stringify({ value })])),
  (value) => encodeURIComponent(value),
  (value) => new URLSearchParams({ value }).toString(),
  (value) => inspect({ value }, { breakLength: Infinity }),
  (value) => `'${value.replaceAll("'", String.raw`'\''`)}'`,
  (value) => Buffer.from(value).toString("base64"),
  (value) => Buffer.from(value).toString("base64url"),
  (value) => Buffer.from(`user:${value}`).toString("base64"),
  (value) => Buffer.from(`admin:${value}`).toString("base64url"),
  (value) => Buffer.from(`{"auth":"x${value}"}`).toString("base64"),
  (value) => Buffer.from(value).toString("hex").toUpperCase(),
];

function colored(text: string): string {
  return Array.from(text, (character) =>
    random(3) === 0 ? `\x1b[3${random(8)}m${character}` : character,
  ).join("");
}

function numberedLines(output: Buffer, value: string, maxChars?: number): string[] {
  const masker = createMasker(
    secretsOf([
      { name: "API_TOKEN", value },
      { name: "NODE_ENV", value: "production" },
    ]),
  );
  const splitter = new LineSplitter(masker, maxChars);
  const lines: string[] = [];
  for (let at = 0; at < output.length;) {
    const size = 1 + random(pick([2, 20, 4_000]));
    lines.push(...splitter.push(output.subarray(at, at + size)));
    at += size;
  }
  return [...lines, ...splitter.end()].map((line) => masker.mask(line));
}

// oxlint-disable-next-line eslint/no-control-regex
const withoutColors = (text: string) => text.replaceAll(/\x1b\[[0-9;]*m/g, "");

test("no secret appears in the lines, in any encoding, with any chunk borders, in long lines, with color codes", () => {
  for (let round = 0; round < 600; round += 1) {
    const value = textOf(pick(alphabets), 10 + random(100)).trim();
    const encode = pick(encodings);
    const printed = encode(value);
    const text = random(3) === 0 ? colored(printed) : printed;
    const before = "x ".repeat(random(2_050));
    const output = Buffer.from(
      [pick(ordinaryLines), `${before}${text} end`, pick(ordinaryLines), ""].join("\n"),
    );
    // The core of base64 that starts or ends within another text; the complete value in the other encodings.
    const visible = withoutColors(numberedLines(output, value, 4_096).join(""));
    const inner = value.length > 30 ? printed.slice(8, -8) : printed;
    expect({ printed, visible: visible.includes(inner) }).toEqual({ printed, visible: false });
    expect(visible).toContain("[masked]");
  }
});

test("ordinary lines are unchanged beside any secret", () => {
  for (let round = 0; round < 300; round += 1) {
    const value = textOf(pick(alphabets), 10 + random(300)).trim();
    const lines = Array.from({ length: 20 }, () => pick(ordinaryLines));
    expect(numberedLines(Buffer.from(`${lines.join("\n")}\n`), value)).toEqual(lines);
  }
});

test("a key of several lines stays hidden when a build prints it whole, encoded or broken into lines", () => {
  const body =
    randomBytes(1_200)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  const pem = ["-----BEGIN PRIVATE KEY-----", ...body, "-----END PRIVATE KEY-----", ""].join("\n");
  const base64 = Buffer.from(pem).toString("base64");
  const outputs = [
    pem,
    pem.replaceAll("\n", " "),
    JSON.stringify(JSON.stringify({ pem })),
    encodeURIComponent(pem),
    base64,
    (base64.match(/.{1,76}/g) ?? []).join("\n"),
    (base64.match(/.{1,64}/g) ?? []).join("\r\n"),
    colored(pem),
  ];
  for (const output of outputs) {
    const visible = withoutColors(numberedLines(Buffer.from(output), pem).join("\n"));
    for (const line of body) expect(visible).not.toContain(line);
    for (const line of body) expect(visible).not.toContain(Buffer.from(line).toString("base64").slice(4, 40));
  }
});
