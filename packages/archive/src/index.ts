// Fetches source archives from anywhere and unpacks them safely, as streams: nothing here touches the disk.

export { openUrl, type OpenUrlOptions } from "./open-url.ts";
export {
  sourceTar,
  type ExtraEntry,
  type SourceLimits,
  type SourceSummary,
  type SourceTar,
  type SourceTarOptions,
} from "./source-tar.ts";
