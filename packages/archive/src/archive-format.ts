// Recognizes the format of a file by its first bytes, for error messages.

/** Number of bytes that `describeFormat` needs. */
export const sniffSizeBytes = 512;

const formats: readonly { readonly name: string; readonly matches: (head: Buffer) => boolean }[] = [
  { name: "empty", matches: (head) => head.length === 0 },
  { name: "a zip file", matches: (head) => startsWith(head, "504b0304") || startsWith(head, "504b0506") },
  { name: "a gzip file", matches: isGzip },
  { name: "a bzip2 file", matches: (head) => startsWith(head, "425a68") },
  { name: "an xz file", matches: (head) => startsWith(head, "fd377a585a00") },
  { name: "a zstandard file", matches: (head) => startsWith(head, "28b52ffd") },
  {
    name: "a tar archive that is not compressed",
    matches: (head) => text(head.subarray(257)).startsWith("ustar"),
  },
  { name: "an HTML page", matches: (head) => /^\s*<(!doctype html|html|head)/i.test(text(head)) },
  { name: "an XML document", matches: (head) => /^\s*<\?xml/i.test(text(head)) },
  { name: "a JSON document", matches: (head) => /^\s*[{[]/.test(text(head)) },
  { name: "a text file", matches: (head) => /^[\t\n\r\u0020-\u007e]+$/.test(text(head)) },
];

export function isGzip(head: Buffer): boolean {
  return startsWith(head, "1f8b08");
}

/** @returns a phrase to follow "it is": `a zip file`, `empty`… */
export function describeFormat(head: Buffer): string {
  return formats.find(({ matches }) => matches(head))?.name ?? "a file of an unknown format";
}

function startsWith(head: Buffer, magicHex: string): boolean {
  return head.subarray(0, magicHex.length / 2).toString("hex") === magicHex;
}

function text(bytes: Buffer): string {
  return bytes.toString("latin1");
}
