// A stream that rejects a subscription, with a socket that sends scripted acknowledgements.

import { EventEmitter } from "node:events";
import type { SubscriptionAnswer } from "@slipway/protocol";
import { expect, test } from "vitest";
import { listen } from "./follow-output.ts";
import type { LogState } from "./follow-output.ts";
import { LogBuffer } from "./log-buffer.ts";

type Answer = (answer: SubscriptionAnswer) => void;

const accepted = { ok: true, app: "a", deployment: "d" } as const;
const refused = (code: string) => ({ ok: false, error: `it is ${code}`, code }) as const;

/** Follows over a socket that sends these answers to the subscriptions, in order. @returns the first `count` states. */
async function statesOf(answers: readonly SubscriptionAnswer[], count: number): Promise<LogState[]> {
  const states: LogState[] = [];
  const left = [...answers];
  const all = Promise.withResolvers<void>();
  const events = new EventEmitter();
  const socket = {
    connected: true,
    active: true,
    connect: () => socket,
    disconnect: () => socket,
    on: (name: string, listener: Parameters<EventEmitter["on"]>[1]) => {
      events.on(name, listener);
      return socket;
    },
    emit: (_name: string, _request: unknown, acknowledge: Answer) => {
      const answer = left.shift();
      if (answer !== undefined) acknowledge(answer);
      return socket;
    },
  };
  const onState = (state: LogState) => {
    states.push(state);
    if (states.length === count) all.resolve();
  };
  const { signal } = new AbortController();
  const following = {
    app: "a",
    id: "d",
    buffer: new LogBuffer(),
    onState,
    onStatus: () => undefined,
    signal,
  };
  listen(socket as Parameters<typeof listen>[0], following, 1);
  events.emit("connect");
  await all.promise;
  return states;
}

test("a refused subscription is repeated until it is accepted", async () => {
  const answers = [refused("store-unavailable"), refused("store-unavailable"), accepted];
  const cut = { name: "cut", reason: "it is store-unavailable" };
  expect(await statesOf(answers, 3)).toEqual([cut, cut, { name: "live" }]);
});

test.each(["not-found", "forbidden"])("a subscription that is %s is not repeated", async (code) => {
  expect(await statesOf([refused(code), accepted], 1)).toEqual([
    { name: "failed", reason: `it is ${code}.` },
  ]);
});
