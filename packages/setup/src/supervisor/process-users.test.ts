import { chmod, mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { isRoot } from "../machine/shared-folder.ts";
import { repositoryRoot } from "../repository.ts";
import { launchApp } from "./app-process.ts";
import { withOwnUsers } from "./process-users.ts";
import { ownIds } from "./process-user.ts";

const installationId = "0a1b2c3d";
const ids = ownIds(installationId);
const program = `
  import { existsSync, writeFileSync } from "node:fs";
  const database = process.env.DATA_DIR + "/database/slipway.db";
  if (existsSync(database)) writeFileSync(database, "written");
  process.send?.({ ready: true });
  console.log(JSON.stringify({ uid: process.getuid(), groups: process.getgroups().sort(), home: process.env.HOME }));
  process.disconnect();
`;
let dataDir = "";
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "slipway-users-"));
  await writeFile(join(dataDir, "app.ts"), program);
});
afterEach(() => rm(dataDir, { recursive: true }));

const spec = (kind: "router" | "worker", environment: Record<string, string> = {}) => ({
  name: kind,
  kind,
  script: relative(repositoryRoot, join(dataDir, "app.ts")),
  environment: { DATA_DIR: dataDir, ...environment },
});

/** Starts the process of a spec. @returns what it printed. */
async function run(kind: "router" | "worker", environment: Record<string, string> = {}) {
  const reports: string[] = [];
  const report = (text: string) => reports.push(text);
  const [own] = await withOwnUsers([spec(kind, environment)], { dataDir, installationId, report });
  if (own === undefined) throw new Error("the spec is missing");
  await using output = await open(join(dataDir, "log"), "w");
  const app = await launchApp(own, output.fd);
  expect(await app.ended).toBe("code 0");
  const printed: unknown = JSON.parse(await readFile(join(dataDir, "log"), "utf8"));
  return { printed, reports };
}

describe.skipIf(!isRoot())("processes that root starts", () => {
  test("a process runs as its own user, reports to the supervisor and writes the shared database", async () => {
    const { printed, reports } = await run("router");
    const { users, groups } = ids;
    expect(printed).toEqual({ uid: users.router, groups: [users.router, groups.database], home: "/" });
    expect(reports).toEqual([]);
    expect(await readFile(join(dataDir, "database/slipway.db"), "utf8")).toBe("written");
  });

  test("a process keeps root, with the reason, when its user could not read what it needs", async () => {
    const bundle = join(dataDir, "bundle.pem");
    await writeFile(bundle, "", { mode: 0o600 });
    const { printed, reports } = await run("worker", { BUILD_CA_BUNDLE: bundle, DOCKER_HOST: "tcp://e" });
    expect(printed).toMatchObject({ uid: 0 });
    expect(reports).toEqual([expect.stringMatching(/^worker runs as root, because user \d+ cannot access /)]);
    expect(reports[0]).toContain(bundle);
    await chmod(bundle, 0o644);
    const after = await run("worker", { BUILD_CA_BUNDLE: bundle, DOCKER_HOST: "tcp://e" });
    expect([after.printed, after.reports]).toEqual([expect.objectContaining({ uid: ids.users.worker }), []]);
  });

  test.each([
    ["a package", "router", "node_modules/dependency/package.json", /chmod -R o\+rX node_modules/],
    ["the web console", "api", "apps/console/dist/index.html", /give others access to it/],
  ] as const)(
    "a process keeps root, with the advice, when its user could not read %s",
    async (_, kind, path, advice) => {
      const root = await mkdtemp(join(tmpdir(), "slipway-root-"));
      onTestFinished(() => rm(root, { recursive: true }));
      const write = async (file: string, text: string) => {
        await mkdir(dirname(join(root, file)), { recursive: true });
        await writeFile(join(root, file), text);
      };
      await chmod(root, 0o755);
      await write(`apps/${kind}/package.json`, JSON.stringify({ dependencies: { dependency: "1.0.0" } }));
      await write("node_modules/dependency/package.json", "{}");
      await write("apps/console/dist/index.html", "");
      const reports: string[] = [];
      const started = async () => {
        reports.length = 0;
        const options = { dataDir, installationId, root, report: (text: string) => void reports.push(text) };
        const [own] = await withOwnUsers([{ ...spec("router"), kind }], options);
        return own?.runAs?.user?.uid;
      };
      expect([await started(), reports]).toEqual([ids.users[kind], []]);
      await chmod(join(root, path), 0o600);
      expect(await started()).toBeUndefined();
      expect(reports).toEqual([expect.stringMatching(/runs as root, because user \d+ cannot access /)]);
      expect(reports[0]).toContain(join(root, path));
      expect(reports[0]).toMatch(advice);
    },
  );

  test("a process keeps root when the database is a file outside of the data directory", async () => {
    const { printed, reports } = await run("router", { DATABASE_URL: "file:/srv/slipway.db" });
    expect(printed).toMatchObject({ uid: 0 });
    expect(reports[0]).toContain("DATABASE_URL names files whose owner set-up does not change");
  });
});
