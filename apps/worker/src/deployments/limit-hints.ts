// Explains which limit a failed build or command has reached, from kernel error messages in its output.

import { mebibytesText } from "@slipway/core";

/** The values of the limits, and the names of their settings. */
export interface HintLimits {
  readonly diskBytes: number;
  /** The setting of `diskBytes`. */
  readonly diskSetting: string;
  readonly tmpfsBytes: number;
  /** The setting that determines `tmpfsBytes`. */
  readonly tmpfsSetting: string;
}

/** Messages of bash and of the C library for SIGXFSZ, EFBIG, ENOSPC, EDQUOT and EMFILE. */
const fileTooLarge = ["File size limit exceeded", "File too large", "EFBIG"];
const noSpace = ["No space left on device", "Disk quota exceeded", "ENOSPC", "EDQUOT"];
const openFiles = ["Too many open files", "EMFILE"];
/** A command that fails has written the reason shortly before its end. */
const keptBytes = 64 * 1024;
/** 128 + SIGXFSZ. A process that the signal ends may have written nothing. */
const exitCodeOfXfsz = 153;

interface Hint {
  readonly phrases: readonly string[];
  readonly hint: string;
}

/** Keeps the end of the output. It is searched only when the command has failed, because most commands succeed. */
export class LimitHints {
  readonly #hints: readonly [fileTooLarge: Hint, ...others: Hint[]];
  readonly #kept: Uint8Array[] = [];
  #sizeBytes = 0;

  constructor({ diskBytes, diskSetting, tmpfsBytes, tmpfsSetting }: HintLimits) {
    const disk = `${mebibytesText(diskBytes)} (${diskSetting})`;
    const temporary = `${mebibytesText(tmpfsBytes)} in /tmp (${tmpfsSetting})`;
    this.#hints = [
      { phrases: fileTooLarge, hint: `A file was too large: the limit is ${disk}` },
      { phrases: noSpace, hint: `The disk was full: the limit is ${disk}, and ${temporary}` },
      { phrases: openFiles, hint: "A process had too many open files" },
    ];
  }

  /** @param bytes a part of the output. It must not change afterwards. */
  read(bytes: Uint8Array): void {
    this.#kept.push(bytes);
    this.#sizeBytes += bytes.length;
    while (this.#sizeBytes - (this.#kept[0]?.length ?? 0) >= keptBytes)
      this.#sizeBytes -= this.#kept.shift()?.length ?? 0;
  }

  /** @returns a line for each limit that was reached, according to the output or the exit code. */
  after(exitCode: number): readonly string[] {
    const text = Buffer.concat(this.#kept).toString("latin1");
    const [fileSize] = this.#hints;
    return this.#hints
      .filter(
        (one) =>
          one.phrases.some((phrase) => text.includes(phrase)) ||
          (one === fileSize && exitCode === exitCodeOfXfsz),
      )
      .map(({ hint }) => hint);
  }
}
