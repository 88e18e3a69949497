// An error in the HTTP request itself, found before any domain code runs.

/** The response has the error's status and message. */
export class HttpProblem extends Error {
  override readonly name = "HttpProblem";
  /** A status code from 400 to 499. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
