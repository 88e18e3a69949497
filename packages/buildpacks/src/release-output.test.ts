import { SlipwayError } from "@slipway/core";
import { expect, test } from "vitest";
import { mergeReleases, parseRelease } from "./release-output.ts";

const nothing = { configVars: {}, defaultProcessTypes: {} };

test.each([
  "",
  "---",
  "---\n",
  "--- {}",
  "{}",
  "config_vars:\ndefault_process_types:\n",
  "addons: [x]",
  "---\r\naddons: []\r\n",
  "---\nconfig_vars: []\ndefault_process_types: {}\n",
])("the output %j of bin/release defines nothing", (text) => {
  expect(parseRelease(text)).toEqual(nothing);
});

test("scalars in the output of bin/release are kept as written", () => {
  const text =
    "---\nconfig_vars:\n  RATE: 1.10\n  DEBUG: no\n  EMPTY:\ndefault_process_types:\n  web: 'bin/x: y'\n";
  expect(parseRelease(text)).toEqual({
    configVars: { RATE: "1.10", DEBUG: "no", EMPTY: "" },
    defaultProcessTypes: { web: "bin/x: y" },
  });
});

test.each([
  "hello",
  "- a\n- b",
  "config_vars: [A]",
  "config_vars:\n  A: [1]",
  "config_vars:\n  A-B: 1",
  "default_process_types:\n  my-web: x",
  "a: b: c",
  "a: 1\na: 2",
  "a: &a [x]\nb: [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*a,*a,*a]",
])("the output %j of bin/release is rejected as the user's error", (text) => {
  const error = (() => {
    try {
      return parseRelease(text);
    } catch (thrown) {
      return thrown;
    }
  })();
  expect(error).toBeInstanceOf(SlipwayError);
  expect(error).toMatchObject({
    code: "build-failed",
    message: expect.stringContaining("bin/release is invalid"),
  });
});

test("of several buildpacks, variables are merged, and the last one with process types decides them", () => {
  const texts = [
    "config_vars: {A: 1, B: 1}\ndefault_process_types: {web: first, worker: x}",
    "---",
    "config_vars: {B: 2}\ndefault_process_types: {web: second}",
    "--- {}",
  ];
  expect(mergeReleases(texts)).toEqual({
    configVars: { A: "1", B: "2" },
    defaultProcessTypes: { web: "second" },
  });
  expect(mergeReleases([])).toEqual(nothing);
});
