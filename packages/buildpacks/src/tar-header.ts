// Encodes one tar header (ustar, with pax records for long or non-ASCII names) reproducibly.

const blockBytes = 512;

export interface LayerHeader {
  readonly name: string;
  readonly type: "file" | "link" | "symlink" | "directory";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Date;
  /** 0 except for files. */
  readonly sizeBytes: number;
  /** Target of a link; empty for other types. */
  readonly linkname: string;
}

/** The two zero blocks at the end of a tar. */
export const endOfTar: Uint8Array = Buffer.alloc(2 * blockBytes);

const typeFlags = { file: "0", link: "1", symlink: "2", directory: "5", pax: "x" } as const;
const nameFieldBytes = 100;
/** The largest value of an 11-digit octal field. */
const maxSizeField = 0o77777777777;

/** @returns whole blocks; the content follows them, padded to whole blocks. */
export function encodeHeader(header: LayerHeader): Uint8Array {
  const records: string[] = [];
  if (!fitsField(header.name)) records.push(paxRecord("path", header.name));
  if (!fitsField(header.linkname)) records.push(paxRecord("linkpath", header.linkname));
  if (header.sizeBytes > maxSizeField) records.push(paxRecord("size", String(header.sizeBytes)));
  const block = ustarBlock(header, typeFlags[header.type]);
  if (records.length === 0) return block;
  const pax = Buffer.from(records.join(""));
  const paxHeader = { ...header, name: "pax", linkname: "", mode: 0o644, sizeBytes: pax.length };
  return Buffer.concat([ustarBlock(paxHeader, typeFlags.pax), pax, padding(pax.length), block]);
}

/** @returns the zeros that fill the last block of the content. */
export function padding(sizeBytes: number): Uint8Array {
  return Buffer.alloc((blockBytes - (sizeBytes % blockBytes)) % blockBytes);
}

function fitsField(text: string): boolean {
  // Text with more bytes than characters is not ASCII.
  return text.length <= nameFieldBytes && Buffer.byteLength(text) === text.length;
}

/** A record begins with its own length in bytes, including the digits of that length. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const restBytes = Buffer.byteLength(rest);
  let digits = 1;
  while (String(restBytes + digits).length > digits) digits++;
  return `${restBytes + digits}${rest}`;
}

function ustarBlock(header: Omit<LayerHeader, "type">, typeFlag: string): Buffer {
  const block = Buffer.alloc(blockBytes);
  block.write(header.name, 0, nameFieldBytes);
  block.write(octal(header.mode, 7), 100);
  block.write(octal(header.uid, 7), 108);
  block.write(octal(header.gid, 7), 116);
  block.write(octal(Math.min(header.sizeBytes, maxSizeField), 11), 124);
  block.write(octal(Math.floor(header.mtime.getTime() / 1000), 11), 136);
  block.write(typeFlag, 156);
  block.write(header.linkname, 157, nameFieldBytes);
  block.write("ustar\u000000", 257);
  // The checksum is computed with its own field set to spaces.
  block.write(" ".repeat(8), 148);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\0 `, 148);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
