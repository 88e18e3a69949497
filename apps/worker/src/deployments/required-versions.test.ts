import { refusal } from "@slipway/testkit";
import { expect, test } from "vitest";
import { checkVersion } from "./php-toolchain.ts";
import { versionWarning } from "./ruby-toolchain.ts";

test("a version of PHP that composer.json requires and the stack lacks fails without an install, too", async () => {
  const check = (uncheckedPhp: string) => refusal((async () => checkVersion({ uncheckedPhp }, "8.2.36"))());
  expect(await check("^9.0")).toMatch(/^build-failed: composer\.json requires PHP \^9\.0.*has PHP 8\.2\.36/);
  for (const constraint of ["", "^8.1", "dev-x"])
    expect(() => checkVersion({ uncheckedPhp: constraint }, "8.2.36")).not.toThrow();
});

test("a file that names another series of Ruby than the stack's is warned about", () => {
  const warned = (wanted: string) => versionWarning({ version: { wanted, file: ".ruby-version" } }, "3.1.2");
  expect(warned("3.3.0")).toEqual([
    expect.stringContaining(".ruby-version names Ruby 3.3.0, but this stack has 3.1.2"),
  ]);
  expect(warned("3.1.9")).toEqual([]);
  expect(versionWarning({ version: null }, "3.1.2")).toEqual([]);
});
