// The kinds of builders, and an app's choice among them.

/** What turns a source into an image: buildpacks in a sandbox, Cloud Native Buildpacks of a builder image, or the source's Dockerfile. */
export const sourceBuilders = ["buildpacks", "cnb", "dockerfile"] as const;
export type SourceBuilder = (typeof sourceBuilders)[number];

/** All that an operator may allow. "image" copies an image that was made elsewhere: there is no source. */
export const builderKinds = [...sourceBuilders, "image"] as const;
export type BuilderKind = (typeof builderKinds)[number];

/** An app's setting. With "auto" the source decides. */
export const builderSettings = ["auto", ...sourceBuilders] as const;
export type BuilderSetting = (typeof builderSettings)[number];
