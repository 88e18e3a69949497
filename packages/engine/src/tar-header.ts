// Reads the owner from a directory's tar header, and creates archives of empty directories.

const blockBytes = 512;

/** Numeric owner in a directory's tar header; null for any other block. */
export function tarOwner(header: Uint8Array): number | null {
  if (header.length < blockBytes || header[typeOffset] !== "5".charCodeAt(0)) return null;
  const owner = Number.parseInt(Buffer.from(header.subarray(108, 116)).toString("latin1"), 8);
  return Number.isNaN(owner) ? null : owner;
}

const typeOffset = 156;

/**
 * Creates a tar archive of nested empty directories: `build/app` gives build/ and build/app/.
 * @param path relative, at most 99 bytes
 */
export function directoriesTar(path: string, ownerId: number): Uint8Array {
  const parts = path.split("/");
  const headers = parts.map((_, index) =>
    directoryHeader(`${parts.slice(0, index + 1).join("/")}/`, ownerId),
  );
  return Buffer.concat([...headers, Buffer.alloc(2 * blockBytes)]);
}

function directoryHeader(name: string, ownerId: number): Buffer {
  if (Buffer.byteLength(name) > 100) throw new RangeError(`${name} is too long for a tar header`);
  const header = Buffer.alloc(blockBytes);
  header.write(name, 0);
  header.write(octal(0o755, 7), 100);
  header.write(octal(ownerId, 7), 108);
  header.write(octal(ownerId, 7), 116);
  header.write(octal(0, 11), 124);
  header.write(octal(0, 11), 136);
  header.write("        ", 148); // the checksum is computed with its own field set to spaces
  header.write("5", typeOffset);
  header.write("ustar\u000000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)} `, 148);
  return header;
}

function octal(value: number, digits: number): string {
  return `${value.toString(8).padStart(digits, "0")}\0`;
}
