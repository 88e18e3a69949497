// Which stack an app is built and run on.

export const appStack = `
ALTER TABLE apps ADD COLUMN stack TEXT;
`;
