import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Database } from "../database.ts";
import { migrate } from "../migrate.ts";
import { releaseStore } from "../releases.ts";
import { migrations } from "./index.ts";

test("a release from before the migration keeps its variables, all of them as defaults", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "slipway-store-"));
  await using database = await Database.open({ path: join(directory.path, "slipway.db") });
  const now = (): Date => new Date("2026-01-02T03:04:05.678Z");
  await migrate(database, migrations.slice(0, 4), now);
  await database.write(() =>
    database.script(`
      INSERT INTO releases (id, app_id, number, deployment_id, image, process_types, environment, created_at) VALUES
        ('r', 'a', 1, 'd', 'i', '{}', '{"GREETING":"ahoy"}', 0)`),
  );
  await migrate(database, migrations, now);
  expect(await releaseStore(database).byNumber("a", 1)).toMatchObject({
    defaults: { GREETING: "ahoy" },
    environment: { GREETING: "ahoy" },
  });
});
