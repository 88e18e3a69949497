// Which builder image of Cloud Native Buildpacks an app uses.

export const builderImage = `
ALTER TABLE apps ADD COLUMN builder_image TEXT;
`;
