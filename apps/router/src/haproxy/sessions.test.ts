import { expect, test } from "vitest";
import { rowsOf, sessionsTo } from "./sessions.ts";

test("the requests in flight are read from HAProxy's table", () => {
  const table = `# table: rollouts, type: string, size:102400, used:2
0x5599d5b31628: key=rollout-1 use=2 exp=9189 gpc0=8 conn_cur=2
0x5599d5b31629: key=rollout-2 use=0 exp=8655 shard=0 gpc0=2 conn_cur=0
`;
  expect([...rowsOf(table)]).toEqual([
    ["rollout-1", 2],
    ["rollout-2", 0],
  ]);
  expect([...rowsOf("# table: rollouts, type: string, size:102400, used:0\n")]).toEqual([]);
});

test("only sessions to one of the addresses are found, and none of the router", () => {
  const session = (id: string, backend: string, server: string, address: string) =>
    `${id}: [30/Nov/2026:16:25:35.767982] id=6 proto=tcpv4 source=127.0.0.1:41158
  flags=0xc4b, conn_retries=0, conn_exp=<NEVER> conn_et=0x000
  frontend=public (id=3 mode=http), listener=? (id=1) addr=127.0.0.1:9100
  backend=${backend} (id=5 mode=http) addr=127.0.0.1:42412
  server=${server} (id=1) addr=${address}
`;
  const answer = [
    session("0x1a", "apps", "app", "10.0.0.1:80"),
    session("0x2b", "apps", "app", "10.0.0.1:8080"),
    session("0x3c", "apps", "app", "::1:80"),
    session("0x4d", "apps", "router-1", "10.0.0.1:80"),
    session("0x5e", "router", "router", "10.0.0.1:80"),
  ].join("");
  expect(sessionsTo(new Set(["10.0.0.1:80", "::1:80"]), answer)).toEqual(["0x1a", "0x3c"]);
});
