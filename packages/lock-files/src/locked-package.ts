// The content of lock files and lists of installed packages: packages with their versions.

export interface LockedPackage {
  /** Type in package URLs. */
  readonly type: "npm" | "pypi" | "golang" | "composer" | "gem" | "deb" | "apk";
  /** Name of the distribution to which the package belongs. */
  readonly namespace?: string;
  readonly name: string;
  readonly version: string;
  /** Further identification, such as the architecture. */
  readonly qualifiers?: Readonly<Record<string, string>>;
  /** "excluded": only for development. "optional": not on every platform. */
  readonly scope: "required" | "optional" | "excluded";
  /** Hexadecimal digest of the package; null when the file contains none. */
  readonly sha512: string | null;
}

export interface LockedPackages {
  /** Names of the files. */
  readonly files: readonly string[];
  readonly packages: readonly LockedPackage[];
  /** Whether every package has a version in the file. */
  readonly isComplete: boolean;
}

/** Longer lists are rejected: writing them as a document would block the worker. */
export const maxPackages = 20_000;

/** The packages in a file; null for a file that the reader cannot read. */
export type Found = Omit<LockedPackages, "files"> | null;
