// Receipts of builds, and the public keys that verify them.

export const receipts = `
CREATE TABLE receipts (
  deployment_id TEXT NOT NULL,
  image_digest TEXT NOT NULL,
  app_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  envelope TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (deployment_id, image_digest)
) STRICT;
CREATE INDEX receipts_of_image ON receipts (app_id, image_digest, created_at);

CREATE TABLE receipt_keys (
  id TEXT PRIMARY KEY,
  public_pem TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
`;
