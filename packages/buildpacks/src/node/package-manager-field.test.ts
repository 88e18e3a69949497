import { expect, test } from "vitest";
import { readPackageManagerField } from "./package-manager-field.ts";

const sha512 = "ab".repeat(64);

test.each([
  ["pnpm@9.1.0", { name: "pnpm", wanted: "9.1.0" }],
  [" yarn@4.0.0-rc.1 ", { name: "yarn", wanted: "4.0.0-rc.1" }],
  ["npm@11", { name: "npm", wanted: "11" }],
  ["bun", { name: "bun", wanted: "" }],
  [
    `pnpm@9.1.0+sha512.${sha512}`,
    { name: "pnpm", wanted: "9.1.0", hash: { algorithm: "sha512", hex: sha512 } },
  ],
  [
    `yarn@3.2.3+sha224.${"0a".repeat(28)}`,
    { name: "yarn", wanted: "3.2.3", hash: { algorithm: "sha224", hex: "0a".repeat(28) } },
  ],
])("packageManager %j is read", (text, field) => {
  expect(readPackageManagerField(text)).toMatchObject(field);
});

test.each(["", "deno@2", "pnpm@9.1.0+md5.abcd", `pnpm@9.1.0+sha512.${"zz".repeat(64)}`, "pnpm@9.1.0+build"])(
  "packageManager %j is rejected with a list of accepted forms",
  (text) => {
    expect(() => readPackageManagerField(text)).toThrow(
      /names no package manager.*\nAccepted are npm, pnpm, yarn/,
    );
  },
);
