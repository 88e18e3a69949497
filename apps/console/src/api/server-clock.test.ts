import { afterEach, expect, test, vi } from "vitest";
import { call } from "./client.ts";
import { serverTime } from "./server-clock.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Receives an answer of the API while the browser's clock shows this time. */
async function answered(browserTime: number, headers: Record<string, string>): Promise<void> {
  vi.useFakeTimers({ now: browserTime });
  vi.stubGlobal("document", { baseURI: "https://slipway.example/console/" });
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({}, { headers })));
  await call("GET", "/apps");
}

test.each([120_000, -120_000])(
  "the server's time is that of its answers when the browser's clock is wrong by %i ms",
  async (wrongMs) => {
    const now = Date.parse("2030-01-01T00:00:00Z");
    await answered(now + wrongMs, { date: new Date(now).toUTCString() });
    expect(serverTime(now + wrongMs + 5_000)).toBe(now + 5_000);
    // An answer without the header changes nothing.
    await answered(now, {});
    expect(serverTime(now + wrongMs)).toBe(now);
  },
);
