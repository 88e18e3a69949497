// Deployments of images that were made elsewhere.

export const sourceImage = `
ALTER TABLE deployments ADD COLUMN source_image TEXT;
`;
