// A source: the place an archive was uploaded to before it is deployed.

export interface Source {
  readonly id: string;
  readonly ownerId: string;
  readonly createdAt: Date;
  /** Until when its URLs hold. A deployment made in time keeps the archive for as long as it needs it. */
  readonly expiresAt: Date;
  /** Bytes received; null until the upload is complete. */
  readonly sizeBytes: number | null;
}

export function sourceBlobKey(sourceId: string): string {
  return `sources/${sourceId}.tar.gz`;
}

/** Key of an app's build cache. A new cacheVersion or another stack never meets an older cache. */
export function cacheBlobKey(appId: string, cacheVersion: number, stack: string): string {
  return `${cacheBlobPrefix(appId)}${cacheVersion}/${stack.replaceAll(/[^A-Za-z0-9._-]/g, "_")}.tar.zst`;
}

/** All caches of an app are below it. */
export function cacheBlobPrefix(appId: string): string {
  return `caches/${appId}/`;
}
