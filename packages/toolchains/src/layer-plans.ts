// The content of each toolchain layer: files of packages with their paths, and links to commands.

import type { PackageFile, PackageLink } from "./package-entries.ts";

/** Files from one package. */
export interface LayerPart {
  /** Reads the package's files. It fails after the last file when the package's bytes are wrong. */
  readonly files: (signal: AbortSignal) => AsyncIterable<PackageFile | PackageLink>;
  /** @returns the file's path in the layer, without a leading "/"; null to omit the file. */
  readonly place: (path: string) => string | null;
}

/** A link to a file in the layer. Both paths are relative to the root. */
export interface LayerLink {
  readonly kind: "symbolic" | "hard";
  readonly path: string;
  readonly target: string;
}

/** The same key gives the same bytes. */
export interface LayerPlan {
  readonly key: string;
  readonly parts: readonly LayerPart[];
  readonly links: readonly LayerLink[];
}

/** The layers of an image on top of the stack. */
export interface Toolchain {
  readonly layers: readonly LayerPlan[];
  /** Folders in PATH that precede those of the stack. */
  readonly path: readonly string[];
}
