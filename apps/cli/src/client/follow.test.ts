import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import type { DeploymentStatus } from "@slipway/core";
import type { LogFrame, StatusFrame } from "@slipway/protocol";
import { followDeployment, SeenFrames } from "./follow.ts";

const id = "d1";
const log = (content: string, of = id): LogFrame => ({ type: "log", id: of, data: { content } });
const status = (name: DeploymentStatus): StatusFrame => ({ type: "status", id, data: { status: name } });

function recorder() {
  const seen: string[] = [];
  return {
    seen,
    onLine: (content: string) => void seen.push(content),
    onStatus: (content: string) => void seen.push(`[${content}]`),
  };
}

describe("SeenFrames", () => {
  test("SeenFrames shows each line once although every connection replays the log", () => {
    const record = recorder();
    const frames = new SeenFrames(id, record);
    for (const frame of [status("building"), log("one"), log("two")]) frames.receive(frame);
    frames.connected();
    for (const frame of [status("building"), log("one"), log("two"), log("three"), status("success")]) {
      frames.receive(frame);
    }
    expect(record.seen).toEqual(["[building]", "one", "two", "three", "[success]"]);
    expect(frames.finalStatus).toBe("success");
  });

  test("SeenFrames says which lines a newer attempt replaced, in a connection and after a lost one", () => {
    const record = recorder();
    const frames = new SeenFrames(id, record);
    for (const line of ["one", "two", "dead", "dead too"]) frames.receive(log(line));
    frames.receive({ type: "rewind", id, data: { afterSeq: 2 } });
    for (const line of ["three", "four"]) frames.receive(log(line));
    frames.connected();
    for (const line of ["one", "two", "three", "other"]) frames.receive(log(line));
    const replaced = (lines: string) =>
      ` !     A worker failed before its last lines were stored: the last ${lines} replaced by what follows`;
    expect(record.seen).toEqual([
      "one",
      "two",
      "dead",
      "dead too",
      replaced("2 lines above are"),
      "three",
      "four",
      replaced("line above is"),
      "other",
    ]);
  });

  test("SeenFrames ignores other deployments and other frames", () => {
    const record = recorder();
    const frames = new SeenFrames(id, record);
    frames.receive(log("foreign", "d2"));
    frames.receive({ type: "ping", data: { ts: 1 } });
    expect(record.seen).toEqual([]);
  });
});

describe("followDeployment", () => {
  let server: WebSocketServer | undefined;
  afterEach(() => server?.close());

  async function serve(answer: (socket: WebSocket, connection: number) => void): Promise<string> {
    const started = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    server = started;
    let connections = 0;
    started.on("connection", (socket) => {
      connections += 1;
      const connection = connections;
      socket.once("message", () => answer(socket, connection));
    });
    await once(started, "listening");
    return `ws://127.0.0.1:${(started.address() as AddressInfo).port}/apps/a`;
  }

  test("followDeployment reconnects after a lost connection and ends with the final status", async () => {
    const record = recorder();
    const streamUrl = await serve((socket, connection) => {
      socket.send(JSON.stringify(log("one")));
      if (connection === 1) return socket.terminate();
      socket.send(JSON.stringify(log("two")));
      socket.send(JSON.stringify(status("build-error")));
    });
    const options = { streamUrl, token: "t", deploymentId: id, signal: new AbortController().signal };
    expect(await followDeployment(options, record)).toBe("build-error");
    expect(record.seen).toEqual(["one", "two", "[build-error]"]);
  });

  test("followDeployment rejects with the reason when it is aborted", async () => {
    const abort = new AbortController();
    const streamUrl = await serve(() => abort.abort(new Error("stopped")));
    const options = { streamUrl, token: "t", deploymentId: id, signal: abort.signal };
    await expect(followDeployment(options, recorder())).rejects.toThrow("stopped");
  });
});
