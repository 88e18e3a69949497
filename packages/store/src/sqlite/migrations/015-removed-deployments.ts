// From which number on an app has all its deployments, for those of which old ones were removed.

export const removedDeployments = `
CREATE TABLE deployment_floors (
  app_id TEXT PRIMARY KEY,
  complete_from INTEGER NOT NULL
) STRICT;
`;
