// Which builder an app's deployments use.

export const appBuilder = `
ALTER TABLE apps ADD COLUMN builder TEXT NOT NULL DEFAULT 'auto';
`;
