// Errors in reading or writing a tar stream. Callers translate them, because the cause depends on the tar's origin.

export type TarProblem = "not-a-tar" | "damaged" | "sparse-file" | "too-large" | "too-many-entries";

export class TarError extends Error {
  readonly problem: TarProblem;
  /** The first block of the stream, for "not-a-tar"; otherwise empty. */
  readonly head: Buffer;

  constructor(
    problem: TarProblem,
    message: string,
    { head = Buffer.alloc(0), cause }: { readonly head?: Buffer; readonly cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.name = "TarError";
    this.problem = problem;
    this.head = head;
  }
}

export function tooLarge(maxSizeBytes: number): TarError {
  return new TarError("too-large", `The tar archive is larger than ${maxSizeBytes} bytes.`);
}

export function damaged(reason: string, cause?: unknown): TarError {
  return new TarError("damaged", `The tar archive is damaged: ${reason}.`, { cause });
}

/** @returns the error to throw in place of one of the tar's own. */
export type Translate = (error: TarError) => unknown;
