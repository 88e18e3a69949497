import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { appStore } from "../apps.ts";
import { Database } from "../database.ts";
import { migrate } from "../migrate.ts";
import { migrations } from "./index.ts";

test("an app in service stays in service: its release becomes its rollout, its address the only target", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "slipway-store-"));
  await using database = await Database.open({ path: join(directory.path, "slipway.db") });
  const now = (): Date => new Date("2026-01-02T03:04:05.678Z");
  await migrate(database, migrations.slice(0, 1), now);
  await database.write(() =>
    database.script(`
      INSERT INTO apps (id, name, owner_id, created_at, updated_at, revision, current_release_id, address_host,
        address_port, cache_version) VALUES
        ('a', 'serving', 'o', 0, 0, 1, 'r', '127.0.0.1', 20001, 1), ('b', 'idle', 'o', 0, 0, 1, NULL, NULL, NULL, 1)`),
  );
  await migrate(database, migrations, now);
  const apps = appStore(database);
  expect(await apps.get("a")).toMatchObject({
    currentRolloutId: "r",
    targets: [{ host: "127.0.0.1", port: 20_001 }],
    webCount: 1,
  });
  expect(await apps.get("b")).toMatchObject({ currentRolloutId: null, targets: [], webCount: 1 });
});
