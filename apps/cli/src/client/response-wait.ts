// Limits how long a command waits for a response, and reports that it waits.

import { DeadlineError } from "@slipway/async";

export interface ResponseWaitOptions {
  /** Time after which a wait is reported, in milliseconds. */
  readonly noticeMs?: number;
  /** Time after which the request fails, in milliseconds. */
  readonly limitMs?: number;
  /** Receives one sentence for a person. By default it is written to standard error. */
  readonly onNotice?: (text: string) => void;
}

/** Longer than the API waits for Redis. */
const defaultNoticeMs = 5_000;
/** Longer than the API waits for a database that does not respond. */
const defaultLimitMs = 60_000;

export class ResponseWait {
  readonly #noticeMs: number;
  readonly #limitMs: number;
  readonly #onNotice: (text: string) => void;
  /** Whether the last request was reported: a command that polls a slow API reports it once. */
  #isReported = false;

  constructor({
    noticeMs = defaultNoticeMs,
    limitMs = defaultLimitMs,
    onNotice = writeLine,
  }: ResponseWaitOptions = {}) {
    this.#noticeMs = noticeMs;
    this.#limitMs = limitMs;
    this.#onNotice = onNotice;
  }

  /**
   * Sends a request, and waits for the beginning of its response.
   * @param what the request, for the report. @param send sends it; its signal is aborted at the limit. @throws {DeadlineError} at the limit.
   */
  async of(what: string, send: (signal: AbortSignal) => Promise<Response>): Promise<Response> {
    const end = new AbortController();
    let isLate = false;
    const notice = setTimeout(() => {
      isLate = true;
      this.#report(what);
    }, this.#noticeMs);
    const limit = setTimeout(() => end.abort(new DeadlineError(this.#limitMs)), this.#limitMs);
    try {
      return await send(end.signal);
    } finally {
      clearTimeout(notice);
      clearTimeout(limit);
      if (!isLate) this.#isReported = false;
    }
  }

  #report(what: string): void {
    if (this.#isReported) return;
    this.#isReported = true;
    this.#onNotice(
      `The API has not responded to ${what} for ${this.#noticeMs / 1000} s; slipway waits ${this.#limitMs / 1000} s at most.`,
    );
  }
}

function writeLine(text: string): void {
  process.stderr.write(`${text}\n`);
}
