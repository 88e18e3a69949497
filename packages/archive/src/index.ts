// Unpacks source archives safely, as streams: nothing here touches the disk.

export {
  sourceTar,
  type ExtraEntry,
  type SourceLimits,
  type SourceSummary,
  type SourceTar,
  type SourceTarOptions,
} from "./source-tar.ts";
