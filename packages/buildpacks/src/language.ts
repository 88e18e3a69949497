// What the plans of all languages have in common. A language is a bundled buildpack whose builds are planned from control files.

/** What the plan of a language is made from. */
export interface LanguageSource {
  /** Content of a control file; undefined when the app has none. */
  readonly read: (name: string) => Buffer | undefined;
  /** Whether there is a control file, also one that is a link or too large to read; by default those that can be read. */
  readonly exists?: (name: string) => boolean;
  /** Names at the app's root; those of folders end with a slash. */
  readonly names: readonly string[];
  /** The root of the monorepo that the app is a workspace of; null for any other app. */
  readonly monorepo?: Monorepo | null;
  /** Whether the app is its own buildpack, which starts what it wants. */
  readonly ownBuildpack?: boolean;
  /** The app's variables. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface Monorepo extends Pick<LanguageSource, "read" | "names"> {
  /** Path of the app in it. */
  readonly workspace: string;
  /** All manifests and settings of package managers in it, by path; null when they are not all known. */
  readonly files: ReadonlyMap<string, Buffer> | null;
}

/** An installation of dependencies that needs nothing of the source but a few files. */
export interface Install {
  /** Name of the folder at the app's root that the installation fills. */
  readonly folder: string;
  /** Path of the workspace in its monorepo, in which other folders may have a folder of this name too; null for any other app. */
  readonly workspace: string | null;
  readonly files: ReadonlyMap<string, Buffer>;
  /** Digest of everything in the app that decides what is installed: these files, and variables. */
  readonly digest: string;
  /** Whether builds need packages that releases do not contain. */
  readonly hasBuildPackages: boolean;
  /** Number of packages in the lock file. */
  readonly packageCount: number;
}

/** The part of a plan that builds and images need, in any language. */
export interface LanguageFacts {
  /** Null when an install may depend on any file of the source. */
  readonly install: Install | null;
  /** Which of the app's scripts run: none, only those that build, or also some that run at an install. */
  readonly scripts: "none" | "build" | "install";
  /** Whether scripts of the build call Node.js, as its control files say; of an app in another language than that. */
  readonly callsNode?: boolean;
  /** What is below the app's files in a release: its toolchain with its dependencies, or nothing but the stack. */
  readonly releasedOn: "dependencies" | "stack";
  /** Command of the web process without a Procfile; null when the source says none, or none is needed. */
  readonly web: string | null;
  /** Arguments of the build runner that only this language has. */
  readonly runnerArguments: readonly string[];
  /** Warnings for the deployment's log. */
  readonly warnings: readonly string[];
}

/** A language: how its apps are recognized, and planned. */
export interface Language<P extends LanguageFacts & { readonly kind: string }> {
  /** Name of its bundled buildpack. */
  readonly kind: P["kind"];
  /** For messages. */
  readonly title: string;
  /** The files that the plan reads, with their maximum sizes in bytes. */
  readonly controlFiles: ReadonlyMap<string, number>;
  /** @param names at the app's root. @param source what else is known of the app. It agrees with the buildpack's bin/detect. */
  readonly detects: (names: readonly string[], source?: LanguageSource) => boolean;
  /** @throws {SlipwayError} "build-failed" when the app cannot be built, with what to change. */
  readonly plan: (source: LanguageSource) => P;
}
