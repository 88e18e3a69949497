// Up to a thousand followers of one build at a steady rate, compared with a bare ws server that broadcasts the same lines.

import type { Socket } from "node:net";
import { freePort } from "@slipway/testkit";
import { compare, print, spread, units } from "../measure.ts";
import { wantsRow } from "../rows.ts";
import { openSocket, untilText } from "./sockets.ts";
import { startServer } from "../server-process.ts";
import { newUser, withLog } from "./with-log.ts";
import type { LogBench } from "./with-log.ts";

const counts = [100, 300, 1_000];
const linesPerSecond = 200;
const lineCount = 600;
/** A user may have 200 connections. */
const users = 6;
const connecting = 50;
const lastLine = "the last line";

/** Lines per second that each follower receives, up to the rate at which they are written, and the memory per follower. */
export async function followersRows(bench: LogBench): Promise<void> {
  for (const followers of counts) await followersRow(bench, followers);
}

async function followersRow(bench: LogBench, followers: number): Promise<void> {
  const name = `${followers} followers of one build at ${linesPerSecond} lines/s`;
  if (!wantsRow(name)) return;
  const memory = { bare: [] as number[], stream: [] as number[] };
  const ofUsers = await Promise.all(Array.from({ length: users }, () => newUser(bench.store)));
  await compare(
    name,
    [
      {
        name: "ws alone: a broadcast per line",
        run: () => broadcast(followers, (bytes) => memory.bare.push(bytes)),
      },
      {
        name: "writer, Redis, stream, sockets",
        run: () => followed({ ...bench, users: ofUsers }, followers, (bytes) => memory.stream.push(bytes)),
      },
    ],
    { unit: units.perSecond, warmUps: 0, rounds: 3 },
  );
  print(`  memory in use for each client: ws alone ${spread(memory.bare, units.bytes)}`);
  print(`                                 stream   ${spread(memory.stream, units.bytes)}`);
}

type OnMemory = (bytesPerClient: number) => void;

async function broadcast(followers: number, onMemory: OnMemory): Promise<number> {
  await using server = await startServer("logs/broadcast-server.ts");
  const address = { host: "127.0.0.1", port: server.port, path: "/" };
  const before = await server.usedBytes();
  const sockets: Socket[] = [];
  while (sockets.length < followers) {
    const opened = Array.from({ length: connecting }, () => openSocket(address));
    sockets.push(...(await Promise.all(opened)));
  }
  onMemory(Math.round(((await server.usedBytes()) - before) / followers));
  const ended = Promise.all(sockets.map((socket) => untilText(socket, lastLine)));
  const startedAt = performance.now();
  await atRate((line) => server.send(line));
  await ended;
  const rate = rateSince(startedAt);
  for (const socket of sockets) socket.destroy();
  return rate;
}

async function followed(bench: LogBench, followers: number, onMemory: OnMemory): Promise<number> {
  const port = await freePort();
  const environment = { ...bench.environment, STREAM_PORT: String(port) };
  await using stream = await startServer("logs/slipway-stream.ts", environment);
  // Loads the code that a connection needs, whose memory does not belong to the followers.
  await withLog({ ...bench, port }, { followers: 1 }, async (log) => log.line(lastLine));
  const before = await stream.usedBytes();
  let startedAt = 0;
  const onReady = async () => onMemory(Math.round(((await stream.usedBytes()) - before) / followers));
  await withLog({ ...bench, port }, { followers, onReady }, async (log) => {
    startedAt = performance.now();
    await atRate((line) => log.line(line));
  });
  return rateSince(startedAt);
}

/** Writes the lines at the rate, several at a time, because timers are not more precise. */
async function atRate(write: (line: string) => void): Promise<void> {
  const startedAt = performance.now();
  for (let written = 0; written < lineCount;) {
    const due = Math.min(lineCount, Math.ceil(((performance.now() - startedAt) / 1_000) * linesPerSecond));
    for (; written < due; written += 1)
      write(
        written === lineCount - 1
          ? lastLine
          : `       added package-${written}@1.2.3 from https://registry.example/`,
      );
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function rateSince(startedAt: number): number {
  return (lineCount / (performance.now() - startedAt)) * 1_000;
}
