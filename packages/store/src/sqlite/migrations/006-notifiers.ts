// Notifiers of apps, and their deliveries.

export const notifiers = `
CREATE TABLE notifiers (
  id TEXT PRIMARY KEY,
  app_id TEXT NOT NULL,
  name TEXT NOT NULL,
  active INTEGER NOT NULL,
  target TEXT NOT NULL,
  events TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  revision INTEGER NOT NULL
) STRICT;
CREATE INDEX notifiers_of_app ON notifiers (app_id, created_at, id);

CREATE TABLE deliveries (
  id TEXT PRIMARY KEY,
  notifier_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  deployment_id TEXT NOT NULL,
  event TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX deliveries_of_notifier ON deliveries (notifier_id, created_at, id);
CREATE INDEX deliveries_of_app ON deliveries (app_id);
CREATE INDEX deliveries_by_age ON deliveries (created_at);
`;
