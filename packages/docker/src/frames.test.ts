import { expect, test } from "vitest";
import { createDeframer } from "./frames.ts";

const stream = Buffer.concat([
  frame(1, "one\n"),
  frame(2, "two\n"),
  frame(1, ""),
  frame(1, "x".repeat(70_000)),
]);
const text = `one\ntwo\n${"x".repeat(70_000)}`;

test.for([1, 3, 7, 8, 9, 64, 65_536, stream.length])(
  "frames split every %i bytes give the same output",
  (size) => {
    const deframe = createDeframer();
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += size) pieces.push(deframe(stream.subarray(at, at + size)));
    expect(Buffer.concat(pieces).toString()).toBe(text);
  },
);

test("the payloads of one chunk are returned together", () => {
  expect(Buffer.from(createDeframer()(stream)).toString()).toBe(text);
});

test.for([1, 7, 9, stream.length])("stderr is separated from frames split every %i bytes", (size) => {
  let errors = "";
  const deframe = createDeframer((bytes) => void (errors += Buffer.from(bytes).toString()));
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < stream.length; at += size) pieces.push(deframe(stream.subarray(at, at + size)));
  expect(Buffer.concat(pieces).toString()).toBe(text.replace("two\n", ""));
  expect(errors).toBe("two\n");
});

test("the chunk is not modified", () => {
  const chunk = Buffer.concat([frame(1, "one\n"), frame(2, "two\n")]);
  const before = Buffer.from(chunk);
  createDeframer()(chunk);
  expect(chunk).toEqual(before);
});

function frame(kind: number, payload: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = kind;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, Buffer.from(payload)]);
}
