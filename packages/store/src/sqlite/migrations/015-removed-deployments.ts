// The number from which an app has all its deployments, for apps whose old deployments were removed.

export const removedDeployments = `
CREATE TABLE deployment_floors (
  app_id TEXT PRIMARY KEY,
  complete_from INTEGER NOT NULL
) STRICT;
`;
