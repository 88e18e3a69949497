// Members of an object in a JSON document that arrives in chunks.

import { expect, test } from "vitest";
import { jsonMembers } from "./json-members.ts";

const document = {
  name: 'a "versions": { quoted } \\',
  tags: { versions: { hidden: 1 }, list: ["}", { versions: 2 }] },
  versions: {
    "1.0.0": { text: 'braces {[}], a comma, a "quote" and a backslash \\', "ü€😀": ["{", { deep: [1, 2] }] },
    "2,0": [],
    "3": null,
    "4": "ends with a backslash \\",
  },
  readme: "versions } ]",
};
const members = Object.entries(document.versions);

test.each([1, 2, 3, 7, 64, 10_000])(
  "jsonMembers finds the members in chunks of %i bytes",
  async (sizeBytes) => {
    for (const text of [JSON.stringify(document), JSON.stringify(document, null, 2)])
      expect(sorted(await read(chunks(text, sizeBytes)))).toEqual(sorted(members));
  },
);

test("jsonMembers keeps nothing of a chunk whose memory is reused", async () => {
  const bytes = Buffer.from(JSON.stringify(document));
  const memory = new Uint8Array(5);
  function* reused() {
    for (let at = 0; at < bytes.length; at += memory.length) {
      const chunk = bytes.subarray(at, at + memory.length);
      memory.set(chunk);
      yield memory.subarray(0, chunk.length);
    }
  }
  expect(sorted(await read(reused()))).toEqual(sorted(members));
});

test.each(['{"versions":{}}', "{}", '{"versions":[{"a":1}]}', '{"versions":"{"}', '{"other":{"a":1}}'])(
  "jsonMembers finds no members in %s",
  async (text) => {
    expect(await read([Buffer.from(text)])).toEqual([]);
  },
);

test.each(["", "<html>", '"versions"', '{"versions":{"a":1', '{"versions":{"a":1}', '{"versions":{"a":}}'])(
  "jsonMembers refuses %s",
  async (text) => {
    await expect(read([Buffer.from(text)])).rejects.toThrow(SyntaxError);
  },
);

async function read(bytes: Iterable<Uint8Array>) {
  return await Array.fromAsync(jsonMembers(bytes, "versions"));
}

function* chunks(text: string, sizeBytes: number) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += sizeBytes) yield bytes.subarray(at, at + sizeBytes);
}

function sorted(entries: readonly (readonly [string, unknown])[]) {
  return entries.toSorted(([one], [other]) => one.localeCompare(other));
}
