// Reads and writes tar streams entry by entry, in bounded memory: the format, without rules about what an archive may contain.

export { ByteReader } from "./byte-reader.ts";
export { readEntries, type TarEntry, type TarLimits } from "./read-entries.ts";
export { TarError, type TarProblem } from "./tar-error.ts";
export { encodeHeader, type TarHeader, type TarKind } from "./tar-header.ts";
export { endOfTar, writeEntries, type NewEntry } from "./write-entries.ts";
