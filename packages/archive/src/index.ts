// Converts untrusted source archives and build caches into tars that are safe to unpack, as streams and without using the disk.

export { checkedEntries, type CheckedEntry, type TarLayout, type UnpackLimits } from "./checked-entries.ts";
export { contextTar, type ContextTarOptions } from "./context-tar.ts";
export { innerSymlinkTarget } from "./entry-path.ts";
export { folderEntries, folderTar, type FolderTarOptions } from "./folder-tar.ts";
export { gunzip } from "./gunzip.ts";
export type { FileOwner } from "./new-entry.ts";
export { scanSource, type ScanOptions, type SourceFacts, type SourceLink } from "./scan-source.ts";
export { entriesTar, sourceTar, type ExtraEntry, type SourceTarOptions } from "./source-tar.ts";
