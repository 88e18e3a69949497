// A source: an archive that is uploaded before it is deployed.

export interface Source {
  readonly id: string;
  readonly ownerId: string;
  readonly createdAt: Date;
  /** When its URLs expire. A deployment created before then keeps the archive until it no longer needs it. */
  readonly expiresAt: Date;
  /** Bytes received; null until the upload is complete. */
  readonly sizeBytes: number | null;
}

/** Minimum number of bytes of a stream that must arrive in each period of waiting for it. */
export interface Pace {
  readonly periodMs: number;
  readonly minBytes: number;
}

/** Minimum rate of uploads and downloads of sources: a slower peer would block resources that others wait for. */
export const sourcePace: Pace = { periodMs: 60_000, minBytes: 60 * 1024 };

/** Key of the blob with the archive of an uploaded source. */
export function sourceBlobKey(sourceId: string): string {
  return `sources/${sourceId}.tar.gz`;
}

/** Key of an app's build cache: each cacheVersion and each stack has its own cache. */
export function cacheBlobKey(appId: string, cacheVersion: number, stack: string): string {
  return `${cacheBlobPrefix(appId)}${cacheVersion}/${stack.replaceAll(/[^A-Za-z0-9._-]/g, "_")}.tar.zst`;
}

/** Prefix of the keys of all caches of an app. */
export function cacheBlobPrefix(appId: string): string {
  return `caches/${appId}/`;
}
