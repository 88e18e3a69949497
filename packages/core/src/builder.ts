// The kinds of builders, and an app's choice among them.

/** The builders of sources: buildpacks in a sandbox, Cloud Native Buildpacks of a builder image, or the source's Dockerfile. */
export const sourceBuilders = ["buildpacks", "cnb", "dockerfile"] as const;
export type SourceBuilder = (typeof sourceBuilders)[number];

/** All kinds that an operator can allow. "image" copies an existing image: there is no source. */
export const builderKinds = [...sourceBuilders, "image"] as const;
export type BuilderKind = (typeof builderKinds)[number];

/** Values of an app's builder setting. With "auto" the source decides. */
export const builderSettings = ["auto", ...sourceBuilders] as const;
export type BuilderSetting = (typeof builderSettings)[number];
