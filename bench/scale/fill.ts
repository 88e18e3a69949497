// Fills a store with apps, ended deployments, and waiting deployments: in SQLite by copying rows, otherwise through the store.

import { DatabaseSync } from "node:sqlite";
import { randomUUID } from "node:crypto";
import { changeStatus, claim } from "@slipway/core";
import type { Store } from "@slipway/core";
import type { Lanes } from "@slipway/queue";
import { anApp, aNewDeployment, testTime } from "@slipway/testkit";

export interface Sizes {
  readonly apps: number;
  /** Ended deployments of all apps together. */
  readonly deployments: number;
  /** Ended deployments of the app `longestApp` alone. */
  readonly longest: number;
  readonly waiting: number;
}

/** The app with the most deployments. */
export const longestApp = "app-longest";
const appsPerOwner = 10;
const atOnce = 64;

export function appId(index: number): string {
  return `app-${String(index).padStart(8, "0")}`;
}

/** @param path of the SQLite database; null fills through the store, which is much slower. */
export async function fill(store: Store, path: string | null, sizes: Sizes): Promise<void> {
  await createApp(store, longestApp, 0);
  await createApp(store, appId(0), 0);
  const template = await endedDeployment(store, longestApp);
  if (path === null) await fillThrough(store, sizes);
  else fillRows(path, template, sizes);
}

/** Queues one deployment for each of the first apps, starting with `from`. */
export async function queueWaiting(
  { store, lanes }: { readonly store: Store; readonly lanes: Lanes },
  from: number,
  count: number,
): Promise<void> {
  await inTurns(count, async (index) => {
    const [id, ownerId] = [randomUUID(), ownerOf(from + index)];
    await store.deployments.create(aNewDeployment({ id, appId: appId(from + index), ownerId }));
    await lanes.advance(appId(from + index));
  });
}

async function createApp(store: Store, id: string, index: number): Promise<void> {
  await store.apps.create(anApp({ id, name: id, ownerId: ownerOf(index) }));
}

export function ownerOf(index: number): string {
  return `owner-${Math.floor(index / appsPerOwner)}`;
}

/** @returns the deployment's id. */
async function endedDeployment(store: Store, ofApp: string): Promise<string> {
  const request = aNewDeployment({ id: randomUUID(), appId: ofApp });
  const change = { at: testTime, lineCount: 0 };
  const claimed = claim(await store.deployments.create(request), 1, change);
  await store.deployments.compareAndSet(claimed);
  await store.deployments.compareAndSet(changeStatus(claimed, "build-error", change));
  return request.id;
}

async function fillThrough(store: Store, { apps, deployments, longest }: Sizes): Promise<void> {
  await inTurns(apps - 1, (index) => createApp(store, appId(index + 1), index + 1));
  await inTurns(deployments, async (index) => {
    await endedDeployment(store, appId(index % apps));
  });
  for (let made = 1; made < longest; made += 1) await endedDeployment(store, longestApp);
}

/** Copies the rows of one app and one deployment, with other ids, numbers and times. */
function fillRows(path: string, template: string, { apps, deployments, longest }: Sizes): void {
  using database = new DatabaseSync(path);
  const copy = (table: string, id: string, count: number, changes: Readonly<Record<string, string>>) => {
    const columns = database.prepare(`SELECT name FROM pragma_table_info('${table}')`).all();
    const names = columns.map(({ name }) => String(name));
    database.exec(`
      WITH RECURSIVE series (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < ${count})
      INSERT INTO ${table} (${names.join(", ")})
      SELECT ${names.map((name) => changes[name] ?? `template.${name}`).join(", ")}
      FROM series, (SELECT * FROM ${table} WHERE id = '${id}') AS template`);
  };
  if (apps > 1) {
    const id = "format('app-%08d', i)";
    const owner = `'owner-' || (i / ${appsPerOwner})`;
    copy("apps", appId(0), apps - 1, { id, name: id, owner_id: owner });
  }
  const perApp = Math.max(1, Math.floor(deployments / apps));
  const ended = { created_at: "template.created_at + i", finished_at: "template.finished_at + i" };
  copy("deployments", template, perApp * apps, {
    ...ended,
    id: "'past-' || i",
    app_id: `format('app-%08d', (i - 1) / ${perApp})`,
    number: `(i - 1) % ${perApp} + 1`,
  });
  copy("deployments", template, longest - 1, { ...ended, id: "'long-' || i", number: "i + 1" });
  database.exec("ANALYZE");
}

async function inTurns(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const index = next;
      next += 1;
      await work(index);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
