// What gets a variable: builds, releases, or both.

export const variableScope = `
ALTER TABLE variables ADD COLUMN scope TEXT NOT NULL DEFAULT 'both';
`;
