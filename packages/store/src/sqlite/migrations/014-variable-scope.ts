// Where a variable is set: in builds, in releases, or in both.

export const variableScope = `
ALTER TABLE variables ADD COLUMN scope TEXT NOT NULL DEFAULT 'both';
`;
