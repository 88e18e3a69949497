import { expect, test } from "vitest";
import { rewindNotice } from "@slipway/protocol";
import { deploymentId as id, log, recorder, status } from "../../test-support/follow-record.ts";
import { SeenFrames } from "./seen-frames.ts";

test("SeenFrames shows each line and status once although every connection replays them", () => {
  const record = recorder();
  const frames = new SeenFrames(id, record);
  const replayed = [status("queued"), status("building"), log("one"), log("two")];
  for (const frame of replayed) frames.receive(frame);
  frames.connected();
  for (const frame of [...replayed, log("three"), status("success")]) frames.receive(frame);
  expect(record.seen).toEqual(["[queued]", "[building]", "one", "two", "three", "[success]"]);
  expect([frames.received, frames.news]).toEqual([10, 6]);
  expect(frames.finalStatus).toBe("success");
});

test("SeenFrames reports the lines that a newer attempt replaced, in a connection and after a lost one", () => {
  const record = recorder();
  const frames = new SeenFrames(id, record);
  for (const line of ["one", "two", "dead", "dead too"]) frames.receive(log(line));
  frames.receive({ type: "rewind", id, data: { afterSeq: 2 } });
  for (const line of ["three", "four"]) frames.receive(log(line));
  frames.connected();
  for (const line of ["one", "two", "three", "other"]) frames.receive(log(line));
  expect(record.seen).toEqual([
    "one",
    "two",
    "dead",
    "dead too",
    rewindNotice(2),
    "three",
    "four",
    rewindNotice(1),
    "other",
  ]);
});

test("SeenFrames ignores other deployments and other frames", () => {
  const record = recorder();
  const frames = new SeenFrames(id, record);
  frames.receive(log("foreign", "d2"));
  frames.receive({ type: "ping", data: { ts: 1 } });
  expect(record.seen).toEqual([]);
});
