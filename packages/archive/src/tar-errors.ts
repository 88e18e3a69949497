// Translates tar errors into errors for the author of the archive.

import { SlipwayError, mebibytesText } from "@slipway/core";
import type { TarError } from "@slipway/tar";
import { describeFormat } from "./archive-format.ts";

export function tooLarge(predicate: string): SlipwayError {
  return new SlipwayError("archive-too-large", `The archive ${predicate}.`);
}

/** @param maxUnpackedBytes the limit that the tar was read with. */
export function explain(error: TarError, maxUnpackedBytes: number): SlipwayError {
  switch (error.problem) {
    case "too-large":
      return tooLarge(`unpacks to more than ${mebibytesText(maxUnpackedBytes)}`);
    case "not-a-tar":
      return new SlipwayError(
        "archive-invalid",
        `The gzip file must contain a tar archive, but its content is ${describeFormat(error.head)}.`,
      );
    default:
      return new SlipwayError("archive-invalid", error.message, { cause: error });
  }
}
