import { expect, test } from "vitest";
import { startsImperatively } from "./subject.ts";

test.each([
  "Stop the stream crashing on reset sockets",
  "Pass the region to hooks",
  "Process aborts first",
  "Embed the dashboard",
  "Re-read keys after a change",
])("startsImperatively accepts: %s", (subject) => {
  expect(startsImperatively(subject)).toBe(true);
});

test.each([
  "stop the stream crashing",
  "fix: the stream crashes",
  "Fix: the stream crashes",
  "feat(stream): answer pings",
  "Stopped the stream",
  "Stops the stream",
  "Stopping the stream",
  "The stream stops",
  "A slow client is asked",
  "ADR 20: slots",
  "",
])("startsImperatively refuses: %s", (subject) => {
  expect(startsImperatively(subject)).toBe(false);
});
