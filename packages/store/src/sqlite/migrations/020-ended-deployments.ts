// An index for searches by status: without it, a search for a rare status reads all deployments. Those that have not ended are few, or
// have an index of their own.

export const endedDeployments = `
CREATE INDEX deployments_ended ON deployments (status, created_at, id) WHERE finished_at IS NOT NULL;
`;
