// The alert rules and the dashboards name only existing metrics, and the rules match operations.md.

import { execFile, spawnSync } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { metricRegistry } from "@slipway/telemetry";

const root = join(import.meta.dirname, "..", "..");
const run = promisify(execFile);
/** promtool is part of Debian's package prometheus. */
const lacksPromtool = spawnSync("promtool", ["--version"]).error !== undefined;
const text = (name: string) => readFile(join(root, name), "utf8");

/** The names of the registry's time series. Each histogram has three. */
const series = new Set(
  Object.entries(metricRegistry).flatMap(([name, { kind }]) =>
    kind === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ),
);

const dashboards = (await readdir(join(root, "ops/dashboards"))).map((name) => `ops/dashboards/${name}`);

test.for(["ops/alerts.yml", "ops/alerts.test.yml", ...dashboards])(
  "%s names only metrics of the registry",
  async (file) => {
    const named = (await text(file)).match(/\b(?:slipway|process|nodejs)_\w+/g) ?? [];
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !series.has(name))).toEqual([]);
  },
);

test("the dashboards show every metric of Slipway, and can be imported beside each other", async () => {
  const texts = await Promise.all(dashboards.map(text));
  const names = Object.keys(metricRegistry).filter((name) => name.startsWith("slipway_"));
  expect(names.filter((name) => !texts.some((dashboard) => dashboard.includes(name)))).toEqual([]);
  const ids = texts.map((dashboard) => (JSON.parse(dashboard) as { uid: string }).uid);
  expect(new Set(ids).size).toBe(dashboards.length);
});

test("operations.md says what to do for each alert", async () => {
  const alerts = Array.from((await text("ops/alerts.yml")).matchAll(/alert: (\w+)/g), ([, name]) => name);
  const operations = await text("docs/operations.md");
  expect(alerts.length).toBeGreaterThan(0);
  expect(alerts.filter((name) => !operations.includes(`\`${name}\``))).toEqual([]);
});

describe.skipIf(lacksPromtool)("promtool", () => {
  test("the alert rules are valid", async () => {
    const { stdout } = await run("promtool", ["check", "rules", join(root, "ops/alerts.yml")]);
    expect(stdout).toContain("SUCCESS");
  });

  test("alerts fire when a worker is killed, the queue ages or is paused, and a process is down", async () => {
    const { stdout } = await run("promtool", ["test", "rules", join(root, "ops/alerts.test.yml")]);
    expect(stdout).toContain("SUCCESS");
  });
});
