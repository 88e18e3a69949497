// The little of the tar format needed here: whose a directory is, and an archive that holds nothing but directories.

const blockBytes = 512;

/** Numeric owner in a tar header; null when the block is none, or describes an extension. */
export function tarOwner(header: Uint8Array): number | null {
  if (header.length < blockBytes || header[typeOffset] !== "5".charCodeAt(0)) return null;
  const owner = Number.parseInt(Buffer.from(header.subarray(108, 116)).toString("latin1"), 8);
  return Number.isNaN(owner) ? null : owner;
}

const typeOffset = 156;

/**
 * A tar archive of empty directories, each below the one before: `build/app` gives build/ and build/app/.
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
  header.write("        ", 148); // the checksum counts its own field as blanks
  header.write("5", typeOffset);
  header.write("ustar\u000000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)} `, 148);
  return header;
}

function octal(value: number, digits: number): string {
  return `${value.toString(8).padStart(digits, "0")}\0`;
}
