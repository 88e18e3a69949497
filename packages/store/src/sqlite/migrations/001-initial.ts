// The first schema. Times are milliseconds since 1970; no foreign keys, since documents live and go independently.

export const initial = `
CREATE TABLE users (
  id TEXT PRIMARY KEY,
  username TEXT NOT NULL UNIQUE,
  email TEXT NOT NULL UNIQUE,
  fullname TEXT NOT NULL,
  operator INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  name TEXT NOT NULL,
  secret_sha256 TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER
) STRICT;
CREATE INDEX tokens_of_user ON tokens (user_id, created_at);

CREATE TABLE apps (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  owner_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER,
  revision INTEGER NOT NULL,
  current_release_id TEXT,
  address_host TEXT,
  address_port INTEGER,
  last_deployed_at INTEGER,
  cache_version INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX apps_name ON apps (name) WHERE deleted_at IS NULL;
CREATE INDEX apps_of_owner ON apps (owner_id, name) WHERE deleted_at IS NULL;
CREATE INDEX apps_deleted ON apps (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE variables (
  id TEXT PRIMARY KEY,
  app_id TEXT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  UNIQUE (app_id, name)
) STRICT;

CREATE TABLE sources (
  id TEXT PRIMARY KEY,
  owner_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  size_bytes INTEGER
) STRICT;
CREATE INDEX sources_by_expiry ON sources (expires_at);

CREATE TABLE deployments (
  id TEXT PRIMARY KEY,
  app_id TEXT NOT NULL,
  owner_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  status TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  source_id TEXT,
  source_url TEXT,
  git_ref TEXT,
  previous_git_ref TEXT,
  pusher TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER,
  history TEXT NOT NULL,
  failure TEXT,
  release_id TEXT,
  image TEXT,
  image_digest TEXT,
  image_size_bytes INTEGER,
  stack_image TEXT,
  log_line_count INTEGER,
  log_sha256 TEXT,
  UNIQUE (app_id, number)
) STRICT;
CREATE INDEX deployments_lane ON deployments (app_id, number) WHERE status = 'queued';
CREATE UNIQUE INDEX deployments_one_running ON deployments (app_id)
  WHERE status IN ('building', 'pushing', 'starting');
CREATE INDEX deployments_running_of_owner ON deployments (owner_id)
  WHERE status IN ('building', 'pushing', 'starting');
CREATE INDEX deployments_recent ON deployments (app_id, finished_at);
CREATE INDEX deployments_source ON deployments (source_id) WHERE finished_at IS NULL;

CREATE TABLE releases (
  id TEXT PRIMARY KEY,
  app_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  deployment_id TEXT NOT NULL UNIQUE,
  image TEXT NOT NULL,
  git_ref TEXT,
  process_types TEXT NOT NULL,
  environment TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (app_id, number)
) STRICT;

CREATE TABLE log_chunks (
  deployment_id TEXT NOT NULL,
  first_seq INTEGER NOT NULL,
  line_count INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  text TEXT NOT NULL,
  at INTEGER NOT NULL,
  UNIQUE (deployment_id, first_seq)
) STRICT;
CREATE INDEX log_chunks_of_attempt ON log_chunks (deployment_id, attempt);
`;
