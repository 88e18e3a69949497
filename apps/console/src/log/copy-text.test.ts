// Browsers differ in the ways of copying that they allow a page, so both are stubbed.

import { afterEach, expect, test, vi } from "vitest";
import { copyText } from "./copy-text.ts";

afterEach(() => {
  vi.unstubAllGlobals();
});

/** A page with this clipboard, which can or cannot copy a selection. @returns the selected texts. */
function page(clipboard: object | undefined, copies: boolean): string[] {
  const selected: string[] = [];
  const area = () => {
    const made = { value: "", style: {}, setAttribute: () => undefined, remove: () => undefined };
    return {
      ...made,
      select(this: { value: string }) {
        selected.push(this.value);
      },
    };
  };
  vi.stubGlobal("navigator", { clipboard });
  vi.stubGlobal("document", {
    createElement: area,
    body: { append: () => undefined },
    execCommand: () => copies,
  });
  return selected;
}

const refusing = { writeText: async () => Promise.reject(new Error("not allowed")) };

test("text is copied by the clipboard, otherwise by a selection, otherwise copying reports a failure", async () => {
  const written: string[] = [];
  const clipboard = { writeText: async (text: string) => void written.push(text) };
  expect([page(clipboard, false), await copyText("a"), written]).toEqual([[], true, ["a"]]);
  for (const [given, copies] of [
    [undefined, true],
    [refusing, true],
    [refusing, false],
  ] as const) {
    const selected = page(given, copies);
    expect([await copyText("b"), selected]).toEqual([copies, ["b"]]);
  }
});
