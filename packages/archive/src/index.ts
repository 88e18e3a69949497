// Unpacks source archives and build caches safely, as streams: nothing here touches the disk.

export type { UnpackLimits } from "./checked-entries.ts";
export { folderTar, type FolderTarOptions } from "./folder-tar.ts";
export {
  sourceTar,
  type ExtraEntry,
  type SourceSummary,
  type SourceTar,
  type SourceTarOptions,
} from "./source-tar.ts";
