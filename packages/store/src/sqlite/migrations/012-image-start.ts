// How a release starts whose image was not made by buildpacks.

export const imageStart = `
ALTER TABLE releases ADD COLUMN image_start TEXT;
`;
