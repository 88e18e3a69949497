// The API token that another one ends with.

export const tokenParents = `
ALTER TABLE tokens ADD COLUMN parent_id TEXT;
`;
