import type { TimelineAnswer } from "@slipway/protocol";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { afterEach, expect, test, vi } from "vitest";
import { runningTimeline } from "../../test-support/running-timeline.ts";
import { timelineQuery } from "../api/queries.ts";
import { noteServerTime } from "../api/server-clock.ts";
import { StallNotice } from "./stall-notice.tsx";

const now = Date.parse("2030-01-01T00:10:00Z");
const running = runningTimeline(new Date(now - 300_000).toISOString(), {
  worker_seen_at: new Date(now).toISOString(),
});

afterEach(() => {
  vi.useRealTimers();
});

/** @param lastLineAt when the last line of the log was written. @returns the notice in a browser whose clock is two minutes fast. */
function shown(lastLineAt: number): string {
  vi.useFakeTimers({ now: now + 120_000 });
  noteServerTime({ headers: new Headers({ date: new Date(now).toUTCString() }) });
  const client = new QueryClient();
  client.setQueryData<TimelineAnswer>(timelineQuery("app", "1").queryKey, { timeline: running });
  const notice = createElement(StallNotice, { app: "app", id: "1", lastLineAt });
  return renderToStaticMarkup(createElement(QueryClientProvider, { client }, notice));
}

test("a browser whose clock is fast shows a stall only if the server's clock says that there is one", () => {
  expect(shown(now - 1_000)).toBe("");
  expect(shown(now - 90_000)).toContain("The log has had no new line for 1 min 30 s");
});
