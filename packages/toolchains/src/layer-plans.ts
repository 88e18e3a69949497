// What each toolchain layer contains: files of packages at their places, and links to commands.

import type { PackageFile, PackageLink } from "./package-entries.ts";

/** Files of one package. */
export interface LayerPart {
  /** Reads the package's files. It fails after the last file when the package's bytes are not the right ones. */
  readonly files: (signal: AbortSignal) => AsyncIterable<PackageFile | PackageLink>;
  /** @returns where a file of the package is in the layer, without a leading "/"; null when it is left out. */
  readonly place: (path: string) => string | null;
}

/** A link to a file of the layer. Both paths are relative to the root. */
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

/** What an image has on top of the stack. */
export interface Toolchain {
  readonly layers: readonly LayerPlan[];
  /** Folders whose programs are found before those of the stack. */
  readonly path: readonly string[];
}
