// What lock files name: packages with their versions.

export interface LockedPackage {
  /** Type in package URLs. */
  readonly type: "npm" | "pypi" | "golang" | "composer" | "gem";
  readonly name: string;
  readonly version: string;
  /** "excluded": for development only. "optional": not on every platform. */
  readonly scope: "required" | "optional" | "excluded";
  /** Hexadecimal digest of the package; null when the file has no digest of the package itself. */
  readonly sha512: string | null;
}

export interface LockedPackages {
  /** Name of the file. */
  readonly file: string;
  readonly packages: readonly LockedPackage[];
  /** Whether every package has a version in the file. */
  readonly isComplete: boolean;
}

/** The packages in a file; null for a file that the reader cannot read. */
export type Found = Omit<LockedPackages, "file"> | null;
