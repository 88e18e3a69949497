// Makes zip archives, also damaged ones.

import { crc32, deflateRawSync } from "node:zlib";

/** @param change of the entry of a file in the archive's list, of which it gets the 46 bytes before the name. */
export function zipOf(
  files: readonly (readonly [path: string, content: string | Buffer])[],
  change: (listed: Buffer, path: string) => void = () => {},
): Buffer {
  const parts: Buffer[] = [];
  const list: Buffer[] = [];
  let offset = 0;
  for (const [path, text] of files) {
    const name = Buffer.from(path);
    const content = Buffer.from(text);
    const packed = deflateRawSync(content);
    const sizes = Buffer.alloc(12);
    sizes.writeUInt32LE(crc32(content), 0);
    sizes.writeUInt32LE(packed.length, 4);
    sizes.writeUInt32LE(content.length, 8);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(8, 8);
    sizes.copy(local, 14);
    local.writeUInt16LE(name.length, 26);
    const listed = Buffer.alloc(46);
    listed.writeUInt32LE(0x02014b50, 0);
    listed.writeUInt16LE(8, 10);
    sizes.copy(listed, 16);
    listed.writeUInt16LE(name.length, 28);
    listed.writeUInt32LE(offset, 42);
    change(listed, path);
    parts.push(local, name, packed);
    list.push(listed, name);
    offset += local.length + name.length + packed.length;
  }
  const listBytes = Buffer.concat(list);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(listBytes.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, listBytes, end]);
}
