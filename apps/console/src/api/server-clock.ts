// The server's clock, as the answers of the API tell it: times in answers are compared with it, since the browser's may be wrong.

/** How much the server's clock is ahead of the browser's, in milliseconds; negative when it is behind. */
let aheadMs = 0;

/**
 * Takes the server's time from an answer of the API. The header has whole seconds, so the time is up to a second late, and late by the
 * time that the answer took to arrive as well. An answer without the header changes nothing.
 */
export function noteServerTime(answer: Pick<Response, "headers">): void {
  const time = Date.parse(answer.headers.get("date") ?? "");
  if (!Number.isNaN(time)) aheadMs = time - Date.now();
}

/** @param browserTime of the browser's clock. @returns the server's time at this moment; both in milliseconds since 1970. */
export function serverTime(browserTime: number): number {
  return browserTime + aheadMs;
}
