import { execa } from "execa";
import { expect, test } from "vitest";
import { findProgram } from "../machine/find-program.ts";
import { isRoot } from "../machine/shared-folder.ts";
import { commandAs, ownIds, plainUser, sharedGroups } from "./process-user.ts";

const kinds = ["api", "stream", "router", "worker"] as const;

test("an installation has a user for each kind of process and groups for what they share, always the same ones", () => {
  const ids = ownIds("0a1b2c3d");
  expect(ownIds("0a1b2c3d")).toEqual(ids);
  const numbers = [...Object.values(ids.users), ...Object.values(ids.groups)];
  expect(new Set(numbers).size).toBe(numbers.length);
  const apart = Array.from({ length: 100 }, (_, index) => ownIds(`id-${index}`).users.api);
  expect(new Set(apart).size).toBeGreaterThan(20);
  for (const number of [...numbers, ...apart]) expect(number > 60_705 && number < 61_184).toBe(true);
});

test("all processes may open the database, API and stream the signing keys, API and workers the blobs", () => {
  const ids = ownIds("0a1b2c3d");
  const members = (group: number) => kinds.filter((kind) => sharedGroups(kind, ids).includes(group));
  expect(members(ids.groups.database)).toEqual(kinds);
  expect(members(ids.groups.keys)).toEqual(["api", "stream"]);
  expect(members(ids.groups.blobs)).toEqual(["api", "worker"]);
});

const setpriv = isRoot() ? await findProgram("setpriv") : undefined;

test.skipIf(setpriv === undefined).each([
  [false, "0000000000000000"],
  [true, "0000000000000400"],
])(
  "a process has its user, its groups and no way to gain rights; low ports: %s",
  async (listensOnLowPort, capabilities) => {
    const user = { uid: 60_800, gid: 60_801, groups: [60_802], listensOnLowPort };
    const report = 'id -u; id -G; umask; grep -E "^(NoNewPrivs|CapEff)" /proc/self/status; echo "$1"';
    const [program, ...args] = commandAs(user, setpriv ?? "", ["/bin/sh", "-c", report, "sh", "a b"]);
    const { stdout } = await execa(program, args, { cwd: "/" });
    expect(stdout.split("\n")).toEqual([
      "60800",
      "60801 60802",
      "0007",
      `CapEff:\t${capabilities}`,
      "NoNewPrivs:\t1",
      "a b",
    ]);
  },
);

test.skipIf(setpriv === undefined)("a user without shared groups gets none of root's groups", async () => {
  const command = commandAs(plainUser(60_800), setpriv ?? "", ["id", "-G"]);
  const { stdout } = await execa(setpriv ?? "", ["--groups=60900", "--", ...command], { cwd: "/" });
  expect(stdout).toBe("60800");
});

test("a process that keeps root runs with the same umask", async () => {
  const [program, ...args] = commandAs(undefined, "/no/setpriv", ["/bin/sh", "-c", "umask"]);
  expect((await execa(program, args)).stdout).toBe("0007");
});
