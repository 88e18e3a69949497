// Finds the sources that count against their owner's quotas.

export const sourcesOfOwner = `
CREATE INDEX sources_of_owner ON sources (owner_id);
`;
