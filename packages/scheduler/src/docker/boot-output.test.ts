import { pause } from "@slipway/async";
import type Docker from "dockerode";
import { expect, test } from "vitest";
import { forwardOutput } from "./boot-output.ts";

const never = new AbortController().signal;
const quickEngine = engineWith(() => Promise.resolve());

test("on a slow engine, output that arrives after its answer is forwarded too", async () => {
  const pingMs = 400;
  const answered = Promise.withResolvers<void>();
  async function* output(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("early\n");
    await answered.promise;
    // Timers run in the order of their ends, so a busy machine does not change which one is first.
    await pause(pingMs / 4);
    yield Buffer.from("late\n");
    await new Promise(() => undefined);
  }
  const forwarded: string[] = [];
  const boot = forwardOutput(output(), (bytes) => void forwarded.push(Buffer.from(bytes).toString()));
  await boot.drained(
    engineWith(() => pause(pingMs).then(answered.resolve)),
    never,
  );
  expect(forwarded).toEqual(["early\n", "late\n"]);
});

test("output that is being written counts as pending", async () => {
  const written = Promise.withResolvers<void>();
  async function* output(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("slow to write\n");
  }
  const boot = forwardOutput(output(), () => written.promise);
  const drained = boot.drained(quickEngine, never).then(() => "drained");
  expect(await Promise.race([drained, pause(60).then(() => "pending")])).toBe("pending");
  written.resolve();
  expect(await drained).toBe("drained");
  await boot.delivered;
});

test("an app that writes continuously does not delay the start for ever", async () => {
  const boot = forwardOutput(continuousOutput(), () => undefined);
  await expect(boot.drained(quickEngine, never)).resolves.toBeUndefined();
  boot.stop();
  await boot.delivered;
});

async function* continuousOutput(): AsyncGenerator<Uint8Array> {
  for (;;) {
    await pause(5);
    yield Buffer.from("again\n");
  }
}

function engineWith(ping: () => Promise<unknown>): Docker {
  return { ping } as Partial<Docker> as Docker;
}
