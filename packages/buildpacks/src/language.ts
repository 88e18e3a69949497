// The common parts of all languages' plans. A language is a bundled buildpack whose builds are planned from control files.

/** The input of a language's plan. */
export interface LanguageSource {
  /** Reads a control file; undefined when the app has none. */
  readonly read: (name: string) => Buffer | undefined;
  /** Whether a control file exists, including one that is a link or too large to read. Default: whether `read` returns it. */
  readonly exists?: (name: string) => boolean;
  /** Names at the app's root; folder names end with a slash. */
  readonly names: readonly string[];
  /** The monorepo in which the app is a workspace; null for any other app. */
  readonly monorepo?: Monorepo | null;
  /** Whether the app is its own buildpack, which decides what starts. */
  readonly ownBuildpack?: boolean;
  /** The app's variables. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface Monorepo extends Pick<LanguageSource, "read" | "names"> {
  /** The app's path in the monorepo. */
  readonly workspace: string;
  /** All manifests and package manager settings in the monorepo, by path; null when they are not all known. */
  readonly files: ReadonlyMap<string, Buffer> | null;
}

/** An installation of dependencies that depends only on a few files of the source. */
export interface Install {
  /** Name of the folder at the app's root that the installation creates. */
  readonly folder: string;
  /** The workspace's path in its monorepo, whose other folders may also contain a folder of that name; null for any other app. */
  readonly workspace: string | null;
  readonly files: ReadonlyMap<string, Buffer>;
  /** Digest of all inputs in the app that determine what is installed: these files, and variables. */
  readonly digest: string;
  /** Whether builds need packages that releases do not contain. */
  readonly hasBuildPackages: boolean;
  /** Number of packages in the lock file. */
  readonly packageCount: number;
}

/** The part of a plan that builds and images need, for any language. */
export interface LanguageFacts {
  /** Null when an install may depend on any file of the source. */
  readonly install: Install | null;
  /** Which of the app's scripts run: none, only build scripts, or also scripts that run during the install. */
  readonly scripts: "none" | "build" | "install";
  /** Whether scripts of the build call Node.js, according to its control files; for apps in languages other than Node.js. */
  readonly callsNode?: boolean;
  /** The base of the app's files in a release: its toolchain with its dependencies, or only the stack. */
  readonly releasedOn: "dependencies" | "stack";
  /** Command of the web process without a Procfile; null when the source defines none, or none is needed. */
  readonly web: string | null;
  /** Arguments of the build runner that are specific to this language. */
  readonly runnerArguments: readonly string[];
  /** Warnings for the deployment's log. */
  readonly warnings: readonly string[];
}

/** A language: how its apps are detected and planned. */
export interface Language<P extends LanguageFacts & { readonly kind: string }> {
  /** Name of its bundled buildpack. */
  readonly kind: P["kind"];
  /** For messages. */
  readonly title: string;
  /** The files that the plan reads, with their maximum sizes in bytes. */
  readonly controlFiles: ReadonlyMap<string, number>;
  /** Must agree with the buildpack's bin/detect. @param names at the app's root. @param source further facts about the app. */
  readonly detects: (names: readonly string[], source?: LanguageSource) => boolean;
  /** @throws {SlipwayError} "build-failed" with the change that the app needs before it can be built. */
  readonly plan: (source: LanguageSource) => P;
}
