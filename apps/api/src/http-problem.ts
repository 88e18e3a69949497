// What is wrong with a request as HTTP, before the domain is asked.

export class HttpProblem extends Error {
  override readonly name = "HttpProblem";
  /** 400 to 499 */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
