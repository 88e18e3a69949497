import { execFile } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { lookFunction, parseLook, failureIn } from "./listening.ts";

test.for([
  ["", "nowhere"],
  ["sh: something went wrong\n", "nowhere"],
  ["00000000:1F90\n", "reachable"],
  ["020013AC:1F90\n", "reachable"],
  ["0100007F:1F90\n", "loopback"],
  ["0200007F:1F90\n", "loopback"],
  ["00000000000000000000000000000000:1F90\n", "reachable"],
  ["00000000000000000000000001000000:1F90\n", "loopback"],
  ["0000000000000000FFFF00000100007F:1F90\n", "loopback"],
  ["0000000000000000FFFF0000020013AC:1F90\n", "reachable"],
  ["0100007F:1F90\n020013AC:1F90\n", "reachable"],
  ["00000000:0BB8\n", "nowhere"],
] as const)("a probe that prints %j finds the port %s", ([look, reach]) => {
  expect(parseLook(look, 8080).reach).toBe(reach);
});

test("other ports are listed once, without the engine's name server", () => {
  const zero = "0".repeat(32);
  const lines = [
    "00000000:0BB8",
    `${zero}:0BB8`,
    "0100007F:240D",
    "0B00007F:A1B2",
    "0100007F:0BB8",
    "020013AC:1F90",
  ];
  expect(parseLook(lines.join("\n"), 8080)).toEqual({
    reach: "reachable",
    elsewhere: [
      { port: 3000, loopback: false },
      { port: 9229, loopback: true },
    ],
  });
});

test("incomplete output of the probe is not taken for an error message of the shell", () => {
  expect(failureIn("0B00007F:A1B2\n0100007F:0B")).toBe("");
  expect(failureIn("0B00007F:A1B2\nsh: no more processes\n")).toBe("sh: no more processes");
});

test("the probe prints the listening sockets, and finds the port when it is reachable", async () => {
  await using open = new AsyncDisposableStack();
  const [reachable, loopback] = [await listen(open, "0.0.0.0"), await listen(open, "127.0.0.1")];
  const look = async (port: number) => {
    const script = `${lookFunction(port)}\nlook; echo "found=$found"`;
    const { stdout } = await promisify(execFile)("/bin/sh", ["-c", script]);
    const [text = "", found] = stdout.split(".\n");
    return { ...parseLook(text, port), found };
  };
  expect(await look(reachable)).toMatchObject({ reach: "reachable", found: "found=1\n" });
  expect(await look(loopback)).toMatchObject({ reach: "loopback", found: "found=\n" });
});

async function listen(open: AsyncDisposableStack, host: string): Promise<number> {
  const server = open.use(createServer().listen(0, host));
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
