// Explains which limit a failed build or command has reached, from what the kernel's errors look like in its output.

/** What the limits are called, and what they are. */
export interface HintLimits {
  readonly diskBytes: number;
  /** The setting of `diskBytes`. */
  readonly diskSetting: string;
  readonly tmpfsBytes: number;
  /** What decides `tmpfsBytes`. */
  readonly tmpfsSetting: string;
}

/** Of bash and of the C library: for SIGXFSZ, EFBIG, ENOSPC, EDQUOT and EMFILE. */
const fileTooLarge = ["File size limit exceeded", "File too large", "EFBIG"];
const noSpace = ["No space left on device", "Disk quota exceeded", "ENOSPC", "EDQUOT"];
const openFiles = ["Too many open files", "EMFILE"];
const longestPhrase = 32;
/** 128 + SIGXFSZ: of a process that nothing but its exit code speaks for. */
const exitCodeOfXfsz = 153;

interface Hint {
  readonly phrases: readonly string[];
  readonly hint: string;
}

/** Reads output in passing. */
export class LimitHints {
  readonly #hints: readonly [fileTooLarge: Hint, ...others: Hint[]];
  readonly #found = new Set<string>();
  #end = "";

  constructor({ diskBytes, diskSetting, tmpfsBytes, tmpfsSetting }: HintLimits) {
    const disk = `${mebibytes(diskBytes)} (${diskSetting})`;
    const temporary = `${mebibytes(tmpfsBytes)} in /tmp (${tmpfsSetting})`;
    this.#hints = [
      { phrases: fileTooLarge, hint: `A file was too large: the limit is ${disk}` },
      { phrases: noSpace, hint: `The disk was full: the limit is ${disk}, and ${temporary}` },
      { phrases: openFiles, hint: "A process had too many open files" },
    ];
  }

  /** @param bytes of the output, whose phrases may be split over chunks. */
  read(bytes: Uint8Array): void {
    const text = this.#end + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    for (const { phrases, hint } of this.#hints) {
      if (!this.#found.has(hint) && phrases.some((phrase) => text.includes(phrase))) this.#found.add(hint);
    }
    this.#end = text.slice(-longestPhrase);
  }

  /** @returns a line for each limit that was reached, as the output or the exit code says. */
  after(exitCode: number): readonly string[] {
    if (exitCode === exitCodeOfXfsz) this.#found.add(this.#hints[0].hint);
    return [...this.#found];
  }
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / 1024 ** 2)} MiB`;
}
