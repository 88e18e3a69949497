// Packs files into a tar archive in the browser. File contents are not read: the archive refers to them.

const blockBytes = 512;
const maxNameBytes = 100;
const encoder = new TextEncoder();

export interface TarFile {
  /** The path relative to the archive's root, with `/`. */
  readonly path: string;
  readonly content: Blob;
  readonly executable?: boolean;
}

/** @returns the archive, uncompressed. Paths longer than 100 bytes get a header of the pax format. */
export function tarOf(files: readonly TarFile[]): Blob {
  const parts: BlobPart[] = [];
  for (const { path, content, executable = false } of files) {
    const name = encoder.encode(path);
    if (name.length > maxNameBytes) {
      const record = paxRecord("path", path);
      parts.push(header("pax", record.length, "x", false), record, padding(record.length));
    }
    parts.push(header(path, content.size, "0", executable), content, padding(content.size));
  }
  parts.push(new Uint8Array(blockBytes * 2));
  return new Blob(parts);
}

/** Compresses as gzip. */
export function gzipOf(blob: Blob): Promise<Blob> {
  return new Response(blob.stream().pipeThrough(new CompressionStream("gzip"))).blob();
}

function header(path: string, size: number, type: string, executable: boolean): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(blockBytes);
  const put = (text: string, at: number) => block.set(encoder.encode(text), at);
  block.set(encoder.encode(path).subarray(0, maxNameBytes));
  put(`${executable ? "0000755" : "0000644"}\0`, 100);
  put("0000000\0", 108);
  put("0000000\0", 116);
  put(`${size.toString(8).padStart(11, "0")}\0`, 124);
  put("00000000000\0", 136);
  put("        ", 148);
  put(type, 156);
  put("ustar\u000000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

/** The length at the start of the record includes its own digits. */
function paxRecord(key: string, value: string): Uint8Array<ArrayBuffer> {
  const rest = ` ${key}=${value}\n`;
  const restBytes = encoder.encode(rest).length;
  let length = restBytes + 1;
  while (restBytes + String(length).length !== length) length = restBytes + String(length).length;
  return encoder.encode(`${length}${rest}`);
}

function padding(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array((blockBytes - (size % blockBytes)) % blockBytes);
}
