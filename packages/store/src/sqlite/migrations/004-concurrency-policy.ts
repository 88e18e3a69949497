// What an app does with a request that comes while it has one at work.

export const concurrencyPolicy = `
ALTER TABLE apps ADD COLUMN concurrency_policy TEXT NOT NULL DEFAULT 'queue';
`;
