import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isLocal } from "./engine/engine-connection.ts";
import { withoutUser, withUser } from "./engine/engine-users.ts";
import { appEnvironment } from "./environment.ts";
import { definitionHash } from "./images/image-builder.ts";
import { openInstallation, rotateKeys } from "./installation.ts";
import { isRoot, makeOwnFolder } from "./machine/shared-folder.ts";
import { packageNames } from "./machine/system-packages.ts";
import { isNewEnough, redisConfiguration } from "./services/redis.ts";
import { registryConfiguration } from "./services/registry.ts";
import { programsFor } from "./setup.ts";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-setup-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("programsFor", () => {
  test("programsFor lists every program on a bare machine", () => {
    expect(programsFor({}, { engineAnswers: false, stackExists: false })).toEqual([
      "git",
      "dockerd",
      "redis-server",
      "docker-registry",
      "debootstrap",
      "docker",
    ]);
  });

  test("programsFor lists only git for services given by URL and an existing stack image", () => {
    const config = { redisUrl: "redis://r", registryUrl: "http://r" };
    expect(programsFor(config, { engineAnswers: true, stackExists: true })).toEqual(["git"]);
  });

  test("programsFor does not list dockerd when DOCKER_HOST is set, even if that engine does not answer", () => {
    expect(programsFor({ dockerHost: "tcp://e" }, { engineAnswers: false, stackExists: true })).not.toContain(
      "dockerd",
    );
  });
});

test("packageNames names each package once", () => {
  expect(packageNames(["dockerd", "docker", "redis-server"], false)).toEqual([
    "docker.io",
    "iptables",
    "redis-server",
  ]);
  expect(packageNames(["docker"], true)).toEqual(["docker-cli", "docker.io"]);
});

test.each([
  [undefined, true],
  ["unix:///run/user/1000/docker.sock", true],
  ["tcp://127.0.0.1:2375", true],
  ["localhost:2375", true],
  ["tcp://[::1]:2375", true],
  ["tcp://build-host:2375", false],
  ["ssh://me@build-host", false],
])("an engine at %s is local: %s", (dockerHost, expected) => {
  expect(isLocal(dockerHost)).toBe(expected);
});

test("an engine's user is recorded once", () => {
  const record = { start: { by: "systemd" as const, invocationId: "1" }, users: [] };
  const one = { installationId: "a", dataDir: "/a" };
  const two = { installationId: "b", dataDir: "/b" };
  const both = withUser(withUser(withUser(record, one), two), one);
  expect(both.users).toEqual([two, one]);
  expect(withoutUser(both, "b").users).toEqual([one]);
});

const given = (dataDir: string) => ({ dataDir, bootstrapToken: "tk-us-given", showsToken: true });

describe("openInstallation", () => {
  test("openInstallation generates its secrets once, readable by the owner only, and shows the token only then", () =>
    inFolder(async (folder) => {
      const dataDir = join(folder, "data");
      const lines: string[] = [];
      const open = () => openInstallation({ dataDir, showsToken: true }, (line) => lines.push(line));
      const first = await open();
      expect(first.id).toMatch(/^[0-9a-f]{8}$/);
      expect(await readFile(first.signingKeysFile, "utf8")).toMatch(/^[0-9a-f]{64}\n$/);
      expect((await stat(first.signingKeysFile)).mode & 0o777).toBe(0o600);
      expect(first.adminToken).toMatch(/^tk-us-[\w-]{48}$/);
      expect(lines.join("\n")).toContain(join(dataDir, "admin-token"));
      expect(lines.join("\n")).toContain(first.adminToken);
      // Root's processes run as separate users, which must pass through it.
      expect((await stat(dataDir)).mode & 0o777).toBe(isRoot() ? 0o711 : 0o700);
      expect((await stat(join(dataDir, "admin-token"))).mode & 0o777).toBe(0o600);
      lines.length = 0;
      expect(await open()).toEqual(first);
      expect(lines.join("\n")).not.toContain("admin token");
    }));

  test("openInstallation reports only the token's file when tokens are not to be shown", () =>
    inFolder(async (dataDir) => {
      const lines: string[] = [];
      const { adminToken } = await openInstallation({ dataDir, showsToken: false }, (line) =>
        lines.push(line),
      );
      expect(lines.join("\n")).toContain(join(dataDir, "admin-token"));
      expect(lines.join("\n")).not.toContain(adminToken);
    }));

  test("openInstallation does not store a token that was given", () =>
    inFolder(async (folder) => {
      const { adminToken } = await openInstallation(given(folder), () => undefined);
      expect(adminToken).toBe("tk-us-given");
      await expect(stat(join(folder, "admin-token"))).rejects.toThrow("ENOENT");
    }));
});

test("a new signing key comes first; at most two former keys stay", () =>
  inFolder(async (folder) => {
    await expect(rotateKeys(folder, { dropFormer: false })).rejects.toThrow("no installation");
    const { signingKeysFile, receiptKeyFile } = await openInstallation(given(folder), () => undefined);
    const keys = async () => (await readFile(signingKeysFile, "utf8")).trim().split("\n");
    const [first] = await keys();
    expect(await rotateKeys(folder, { dropFormer: false })).toEqual({ keys: 2, file: signingKeysFile });
    const [second, ...former] = await keys();
    expect([former, second === first]).toEqual([[first], false]);
    for (const count of [3, 3]) {
      expect((await rotateKeys(folder, { dropFormer: false })).keys).toBe(count);
    }
    expect((await keys()).slice(2)).toEqual([second]);
    const receiptKey = () => readFile(receiptKeyFile, "utf8");
    const formerReceiptKey = await receiptKey();
    await rotateKeys(folder, { dropFormer: true });
    expect(await receiptKey()).toMatch(/^[0-9a-f]{64}\n$/);
    expect(await receiptKey()).not.toBe(formerReceiptKey);
    expect(await keys()).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    expect((await stat(signingKeysFile)).mode & 0o777).toBe(0o600);
  }));

test("the apps' environment leaves out unset variables", () => {
  const installation = {
    dataDir: "/d",
    id: "0a1b2c3d",
    signingKeysFile: "/d/signing-key",
    receiptKeyFile: "/d/receipt-key",
    adminToken: "t",
  };
  const config = {
    dataDir: "/d",
    receiptKeyGiven: false,
    signingKeysGiven: false,
    showsToken: true,
    unattended: false,
    apiPort: 1,
    streamPort: 2,
    routerPort: 3,
    workers: 3,
    engineWorkers: 3,
    graceMs: 4,
  };
  const ensured = {
    redisUrl: "redis://r",
    registryUrl: "http://r",
    stack: { run: "s", build: "b" },
    furtherStacks: "",
    npmRegistry: "http://n/",
  };
  expect(appEnvironment(installation, config, ensured)).toEqual({
    DATA_DIR: "/d",
    INSTALLATION_ID: "0a1b2c3d",
    SIGNING_KEYS_FILE: "/d/signing-key",
    RECEIPT_KEY_FILE: "/d/receipt-key",
    BOOTSTRAP_TOKEN: "t",
    REDIS_URL: "redis://r",
    REGISTRY_URL: "http://r",
    STACK_IMAGE: "s",
    STACK_BUILD_IMAGE: "b",
    STACK_NAME: "slipway-12",
    BUILD_NPM_REGISTRY: "http://n/",
    API_PORT: "1",
    STREAM_PORT: "2",
    ROUTER_PORT: "3",
    WORKERS: "3",
    ENGINE_WORKERS: "3",
    GRACE_MS: "4",
  });
  expect(appEnvironment(installation, { ...config, dockerHost: "tcp://e" }, ensured)).toMatchObject({
    DOCKER_HOST: "tcp://e",
  });
});

test("an image's hash depends on the contents and names of the files that define it", () =>
  inFolder(async (folder) => {
    await writeFile(join(folder, "a.sh"), "echo");
    const first = await definitionHash(folder);
    expect(first).toMatch(/^[0-9a-f]{12}$/);
    expect(await definitionHash(folder)).toBe(first);
    await writeFile(join(folder, "b.sh"), "");
    const second = await definitionHash(folder);
    await writeFile(join(folder, "b.sh"), "x");
    const third = await definitionHash(folder);
    const withFile = await definitionHash(folder, join(folder, "a.sh"));
    expect(new Set([first, second, third, withFile]).size).toBe(4);
  }));

test("a folder that others may write to, or a symbolic link, is refused as the shared folder", () =>
  inFolder(async (folder) => {
    const own = join(folder, "own");
    await makeOwnFolder(own);
    await makeOwnFolder(own);
    expect((await stat(own)).mode & 0o777).toBe(0o700);
    await symlink(own, join(folder, "link"));
    await expect(makeOwnFolder(join(folder, "link"))).rejects.toThrow("you alone may write");
    await chmod(own, 0o770);
    await expect(makeOwnFolder(own)).rejects.toThrow("you alone may write");
  }));

test("the private services' configurations quote their folders", () => {
  expect(redisConfiguration("/a folder", 7000, "pw")).toMatch(/^dir "\/a folder"$/m);
  expect(redisConfiguration("/d", 7000, "pw")).toContain("maxmemory-policy noeviction");
  expect(registryConfiguration("/a folder", 7001, "s")).toMatch(/rootdirectory: "\/a folder"$/m);
});

test.each([
  ["7.0.15", true],
  ["6.2.0", true],
  ["6.0.16", false],
  ["5.0.3", false],
])("redis %s is new enough: %s", (version, expected) => {
  expect(isNewEnough(version)).toBe(expected);
});
