// Redeployments and first deployments, from the request to the app's own answer, each compared with the same steps done by hand with
// Docker.

import { loadavg } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { pull, removeImagesOf } from "./engine.ts";
import { print } from "./measure.ts";
import { benchOptions } from "@slipway/tools/bench-options";
import { allowBuilders } from "./redeploy/builder-parts.ts";
import { behindProxy, startCountingProxy } from "./redeploy/counting-proxy.ts";
import type { Step } from "./redeploy/deployment.ts";
import { buildNodeBase } from "./redeploy/node-base.ts";
import { printProfile, printTable, writeReport } from "./redeploy/report.ts";
import type { MeasuredRow } from "./redeploy/report.ts";
import { rows } from "./redeploy/rows.ts";
import { setUpServices, startSlipway } from "./slipway.ts";

const options = benchOptions();
const chosen = rows.filter(
  ({ name }) => options.rows.length === 0 || options.rows.some((part) => name.includes(part)),
);
if (chosen.length === 0)
  throw new Error(`No row matches ${options.rows.join(" ")}: ${rows.map(({ name }) => name).join("; ")}.`);

const [loadBefore = 0] = loadavg();
await using opened = new AsyncDisposableStack();
const environment = await setUpServices();
const proxy = opened.use(await startCountingProxy(environment.REGISTRY_URL));
const docker = new Docker();
opened.defer(() => removeImagesOf(docker, proxy.host));
const { builders, ...allowed } = await allowBuilders(behindProxy(environment, proxy));
const slipway = opened.use(await startSlipway(allowed.environment));
await pull(docker, slipway.environment.STACK_IMAGE, slipway.environment.REGISTRY_URL);
const nodeBase = await buildNodeBase(slipway);
opened.defer(() => docker.getImage(nodeBase).remove({ force: true }));

const measured: MeasuredRow[] = [];
const profiles: Record<string, readonly Step[]> = {};
const onProfile = (row: string, steps: readonly Step[]) => void (profiles[row] = steps);
for (const row of chosen) {
  print(row.name);
  try {
    measured.push(...(await row.measure({ slipway, proxy, nodeBase, builders, onProfile })));
  } catch (error) {
    // The other rows are still measured.
    print(`  failed: ${error instanceof Error ? error.stack : String(error)}`);
    process.exitCode = 1;
  }
}
const { Version: engineVersion } = await docker.version();
printTable(measured);
if (options.profile) Object.entries(profiles).forEach(printProfile);
const path = join(environment.DATA_DIR, "redeploy.json");
await writeReport(path, { rows: measured, loadBefore, engineVersion, profiles });
