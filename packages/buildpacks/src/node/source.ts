// What the plan of a Node.js app is made from.

export interface NodeSource {
  /** Content of a control file; undefined when the app has none. */
  readonly read: (name: string) => Buffer | undefined;
  /** Names at the app's root; those of folders end with a slash. */
  readonly names: readonly string[];
  /** The root of the monorepo that the app is a workspace of; null for any other app. */
  readonly monorepo?: Pick<NodeSource, "read" | "names"> | null;
  /** Whether the app is its own buildpack, which starts what it wants. */
  readonly ownBuildpack?: boolean;
  /** The app's variables. */
  readonly variables: Readonly<Record<string, string>>;
}
