// Restarts and scalings, deployments of an earlier release, and a release's defaults apart from its variables. Of releases
// made before, what was a default and what a variable is not known: all of it counts as default.

export const operations = `
CREATE TABLE operations (
  id TEXT PRIMARY KEY,
  app_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  web_count INTEGER,
  status TEXT NOT NULL,
  failure TEXT,
  attempt INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  requested_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER
) STRICT;
CREATE INDEX operations_lane ON operations (app_id, created_at, id) WHERE status = 'pending';
CREATE UNIQUE INDEX operations_one_running ON operations (app_id) WHERE status = 'running';
CREATE INDEX operations_ended ON operations (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX operations_of_app ON operations (app_id);

ALTER TABLE deployments ADD COLUMN source_release_id TEXT;

ALTER TABLE releases ADD COLUMN defaults TEXT NOT NULL DEFAULT '{}';
UPDATE releases SET defaults = environment;
`;
