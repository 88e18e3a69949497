// The kinds of builders, and an app's choice among them.

/** What turns a source into an image: buildpacks in a sandbox, Cloud Native Buildpacks of a builder image, or the source's Dockerfile. */
export const builderKinds = ["buildpacks", "cnb", "dockerfile"] as const;
export type BuilderKind = (typeof builderKinds)[number];

/** An app's setting. With "auto" the source decides. */
export const builderSettings = ["auto", ...builderKinds] as const;
export type BuilderSetting = (typeof builderSettings)[number];
