// Deployments that ended and whose logs are not closed: a periodic job of workers closes them.

export const unsealedDeployments = `
CREATE INDEX deployments_unsealed ON deployments (finished_at)
  WHERE finished_at IS NOT NULL AND log_sha256 IS NULL;
`;
