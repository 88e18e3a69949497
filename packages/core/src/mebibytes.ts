// Sizes in messages and logs.

const mebibyte = 1024 ** 2;

/**
 * @param rounding "down" for limits, which are whole MiB; "up" for sizes above a limit; "tenths" for sizes of which the reader wants to know
 * more. @returns for example `64 MiB`, or `1.5 MiB` in tenths.
 */
export function mebibytesText(bytes: number, rounding: "down" | "up" | "tenths" = "down"): string {
  const size = bytes / mebibyte;
  if (rounding === "tenths") return `${size.toFixed(1)} MiB`;
  return `${rounding === "up" ? Math.ceil(size) : Math.floor(size)} MiB`;
}
