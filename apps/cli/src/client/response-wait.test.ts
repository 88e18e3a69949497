import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { ResponseWait } from "./response-wait.ts";

const soon = async () => new Response();
const late = async () => delay(60, new Response());

test("a slow API is reported once, and again after a response without delay", async () => {
  const notices: string[] = [];
  const wait = new ResponseWait({ noticeMs: 20, onNotice: (text) => notices.push(text) });
  await wait.of("GET /one", late);
  await wait.of("GET /two", late);
  await wait.of("GET /three", soon);
  await wait.of("GET /four", late);
  expect(notices).toEqual([
    "The API has not responded to GET /one for 0.02 s; slipway waits 60 s at most.",
    "The API has not responded to GET /four for 0.02 s; slipway waits 60 s at most.",
  ]);
});
