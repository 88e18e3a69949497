// A container's output on its way to a WebSocket, compared with reading the same output only from the engine.

import Docker from "dockerode";
import { startProcess } from "@slipway/docker";
import { readOwnConfig, setup } from "@slipway/setup";
import { freePort } from "@slipway/testkit";
import { compare } from "../measure.ts";
import { wantsRow } from "../rows.ts";
import { startServer } from "../server-process.ts";
import { withLog } from "./with-log.ts";
import type { LogBench } from "./with-log.ts";

const lineCount = 400_000;
const command = `seq -f "       added package-%.0f@1.2.3 from https://registry.example/" ${lineCount}`;

/** Lines per second from the first output to the end of the output, or to the end of the log at the follower. */
export async function containerRow(bench: LogBench): Promise<void> {
  const name = `${lineCount} lines of a container to a WebSocket`;
  if (!wantsRow(name)) return;
  const { STACK_IMAGE: image } = await setup({ config: readOwnConfig("bench") });
  const port = await freePort();
  await using _stream = await startServer("logs/slipway-stream.ts", {
    ...bench.environment,
    STREAM_PORT: String(port),
  });
  const there = { ...bench, port };
  await compare(
    name,
    [
      { name: "attached alone: the bytes are read", run: () => attachedAlone(image) },
      { name: "attached, writer, Redis, stream, socket", run: () => followed(there, image) },
    ],
    { warmUps: 1, rounds: 5 },
  );
}

async function attachedAlone(image: string): Promise<number> {
  return rateSince(await readOutput(image, () => undefined));
}

async function followed(bench: LogBench, image: string): Promise<number> {
  let startedAt = 0;
  const lines = await withLog(bench, { followers: 1 }, async (log) => {
    startedAt = await readOutput(image, (bytes) => log.write(bytes));
  });
  if (lines !== lineCount) throw new Error(`the log has ${lines} lines`);
  return rateSince(startedAt);
}

/** Runs a container that prints the lines, in the way of a worker. @returns the time when its first output arrived. */
async function readOutput(
  image: string,
  onOutput: (bytes: Uint8Array) => void | Promise<void>,
): Promise<number> {
  const docker = new Docker();
  const { id } = await docker.createContainer({
    Image: image,
    Cmd: ["sh", "-c", command],
    HostConfig: { NetworkMode: "none" },
  });
  try {
    using started = await startProcess(docker, id);
    let firstAt = 0;
    for await (const bytes of started.output) {
      firstAt ||= performance.now();
      await onOutput(bytes);
    }
    return firstAt;
  } finally {
    await docker.getContainer(id).remove({ force: true });
  }
}

function rateSince(startedAt: number): number {
  return (lineCount / (performance.now() - startedAt)) * 1_000;
}
