// What serves an app becomes a rollout of any number of instances, where it was one address. The old columns stay for
// processes of the version before.

export const rollouts = `
ALTER TABLE apps ADD COLUMN current_rollout_id TEXT;
ALTER TABLE apps ADD COLUMN targets TEXT NOT NULL DEFAULT '[]';
ALTER TABLE apps ADD COLUMN web_count INTEGER NOT NULL DEFAULT 1;
UPDATE apps SET current_rollout_id = current_release_id;
UPDATE apps SET targets = json_array(json_object('host', address_host, 'port', address_port))
  WHERE address_host IS NOT NULL;
`;
