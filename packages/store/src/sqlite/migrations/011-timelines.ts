// Timelines of deployments, and the lists of deployments over all apps.

export const timelines = `
ALTER TABLE deployments ADD COLUMN timeline TEXT;
CREATE INDEX deployments_by_time ON deployments (created_at, id);
CREATE INDEX deployments_queued ON deployments (created_at, id) WHERE status = 'queued';
`;
