// Passwords and revisions of users, and collaborators of apps.

export const access = `
ALTER TABLE users ADD COLUMN password_hash TEXT;
ALTER TABLE users ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
CREATE INDEX users_operators ON users (operator) WHERE operator = 1;

CREATE TABLE collaborators (
  id TEXT PRIMARY KEY,
  app_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  role TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (app_id, user_id)
) STRICT;
CREATE INDEX collaborators_of_app ON collaborators (app_id, created_at, id);
CREATE INDEX collaborators_of_user ON collaborators (user_id, created_at, id);
`;
