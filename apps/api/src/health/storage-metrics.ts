// The metrics of the disks that the API writes to, and of the installation's stored data.

import { readFile, statfs } from "node:fs/promises";
import { hostname } from "node:os";
import type { Store } from "@slipway/core";
import { throttledErrorLog } from "@slipway/service";
import type { Logger } from "@slipway/service";
import { localPath } from "@slipway/store";
import { observe, observeAtIntervals } from "@slipway/telemetry";
import type { ApiConfig } from "../config.ts";

export interface StorageMetricsContext {
  readonly config: Pick<ApiConfig, "databaseUrl" | "blobsUrl" | "registrySizeFile">;
  readonly store: Pick<Store, "usage">;
  readonly logger: Logger;
}

const everyMs = 5 * 60_000;

/** Reports the metrics until the result is disposed. */
export function observeStorage(context: StorageMetricsContext): AsyncDisposable {
  const opened = new AsyncDisposableStack();
  opened.use(observeDisks(context.config));
  opened.use(observeStored(context));
  opened.use(observeRegistry(context.config));
  return opened;
}

/** Reads the file systems at each scrape. */
function observeDisks({ databaseUrl, blobsUrl }: StorageMetricsContext["config"]): Disposable {
  const host = hostname();
  const paths = [
    ["database", localPath(databaseUrl, "database URL")],
    ["blobs", localPath(blobsUrl, "blobs URL")],
  ] as const;
  return observe(["slipway_disk_size_bytes", "slipway_disk_free_bytes"], async () => {
    const found = await Promise.all(
      paths.map(async ([disk, path]) => {
        if (path === null) return [];
        const { bsize, blocks, bavail } = await statfs(path);
        const attributes = { disk, host };
        return [
          { name: "slipway_disk_size_bytes" as const, value: bsize * blocks, attributes },
          { name: "slipway_disk_free_bytes" as const, value: bsize * bavail, attributes },
        ];
      }),
    );
    return found.flat();
  });
}

function observeStored({ store, logger }: StorageMetricsContext): AsyncDisposable {
  const onError = throttledErrorLog(
    logger,
    "cannot measure what is stored; its metrics are absent until the next measurement",
  );
  return observeAtIntervals(
    ["slipway_stored_bytes"],
    async () => {
      const stored = await store.usage.total();
      return Object.entries(stored).map(([part, value]) => storedSample(part, value));
    },
    { everyMs, onError },
  );
}

/** Reads the size that `npm start` has stored. Reports nothing when there is no private registry, or its size has not been measured yet. */
function observeRegistry({ registrySizeFile }: StorageMetricsContext["config"]): Disposable {
  return observe(["slipway_stored_bytes"], async () => {
    try {
      return [storedSample("registry", Number(await readFile(registrySizeFile, "utf8")))];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  });
}

function storedSample(part: string, value: number) {
  return { name: "slipway_stored_bytes" as const, value, attributes: { part } };
}
