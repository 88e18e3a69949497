// What lock files and lists of installed packages name: packages with their versions.

export interface LockedPackage {
  /** Type in package URLs. */
  readonly type: "npm" | "pypi" | "golang" | "composer" | "gem" | "deb" | "apk";
  /** Name of the distribution that the package belongs to. */
  readonly namespace?: string;
  readonly name: string;
  readonly version: string;
  /** More that identifies it, such as its architecture. */
  readonly qualifiers?: Readonly<Record<string, string>>;
  /** "excluded": for development only. "optional": not on every platform. */
  readonly scope: "required" | "optional" | "excluded";
  /** Hexadecimal digest of the package; null when the file has no digest of the package itself. */
  readonly sha512: string | null;
}

export interface LockedPackages {
  /** Names of the files. */
  readonly files: readonly string[];
  readonly packages: readonly LockedPackage[];
  /** Whether every package has a version in the file. */
  readonly isComplete: boolean;
}

/** A list of more packages is none: it would hold up the worker that writes it as a document. */
export const maxPackages = 20_000;

/** The packages in a file; null for a file that the reader cannot read. */
export type Found = Omit<LockedPackages, "files"> | null;
