// The server's clock, from the API's answers. Times in answers are compared with it, since the browser's clock may be wrong.

/** How far the server's clock is ahead of the browser's clock, in milliseconds; negative when it is behind. */
let aheadMs = 0;

/**
 * Reads the server's time from an answer of the API. The header has whole seconds, so the time is up to a second late, plus the time that
 * the answer took to arrive. An answer without the header changes nothing.
 */
export function noteServerTime(answer: Pick<Response, "headers">): void {
  const time = Date.parse(answer.headers.get("date") ?? "");
  if (!Number.isNaN(time)) aheadMs = time - Date.now();
}

/**
 * @param browserTime the time of the browser's clock.
 * @returns the server's time at the same moment. Both are in milliseconds since 1970.
 */
export function serverTime(browserTime: number): number {
  return browserTime + aheadMs;
}
