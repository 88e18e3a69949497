// Follows a running deployment's log by socket.io, and resumes after a cut where the buffer ends.

import type { Socket } from "socket.io-client";
import { socketToken } from "../api/actions.ts";
import { messageFor } from "../api/client.ts";
import type { LogBuffer } from "./log-buffer.ts";

/** "cut": the connection is lost, and another attempt is made. */
export type FollowState =
  | { readonly name: "connecting" | "live" | "ended" }
  | { readonly name: "cut"; readonly reason: string };

interface Following {
  readonly app: string;
  readonly id: string;
  /** The app's `deployments_stream`. */
  readonly streamUrl: string;
  readonly buffer: LogBuffer;
  readonly onState: (state: FollowState) => void;
  readonly onStatus: () => void;
  readonly signal: AbortSignal;
}

interface LogEvent {
  readonly deployment: string;
  readonly seq: number;
  readonly lines: readonly string[];
  readonly at?: string | null;
}

const retryMs = 2_000;

/** Runs until the deployment ends or the signal aborts. */
export async function followOutput(following: Following): Promise<void> {
  const { streamUrl, signal } = following;
  const { io } = await import("socket.io-client");
  if (signal.aborted) return;
  const { origin, path } = addressOf(streamUrl);
  const socket = io(origin, {
    path,
    transports: ["websocket"],
    reconnectionDelayMax: 5_000,
    auth: (give) => void giveToken(following, give),
  });
  signal.addEventListener("abort", () => socket.disconnect());
  listen(socket, following);
}

/** The stream's address, and socket.io's path there. */
function addressOf(streamUrl: string): { origin: string; path: string } {
  const url = new URL(streamUrl);
  return {
    origin: `${url.protocol}//${url.host}`,
    path: `${url.pathname.replace(/\/apps\/[^/]*$/, "")}/socket.io`,
  };
}

/** Each connection gets a new token, because one of before may have expired. */
async function giveToken({ onState }: Following, give: (auth: object) => void): Promise<void> {
  try {
    give({ token: await socketToken() });
  } catch (error) {
    onState({ name: "cut", reason: messageFor(error) });
    // The stream refuses the empty token, and the next attempt requests another one.
    give({ token: "-" });
  }
}

function listen(socket: Socket, following: Following): void {
  const { app, id, buffer, onState, onStatus } = following;
  // The last status tells the stream which attempt wrote the lines in the buffer.
  let afterStatus = 0;
  const subscribe = () =>
    socket.emit(
      "subscribe",
      { app, deployment: id, afterSeq: buffer.count, afterStatus },
      (answer: { ok: boolean; error?: string }) =>
        onState(answer.ok ? { name: "live" } : { name: "cut", reason: answer.error ?? "" }),
    );
  const again = (reason: string) => {
    onState({ name: "cut", reason });
    setTimeout(() => {
      if (following.signal.aborted) return;
      if (socket.connected) subscribe();
      else socket.connect();
    }, retryMs);
  };
  socket.on("connect", subscribe);
  socket.on("connect_error", ({ message }) =>
    socket.active ? onState({ name: "cut", reason: message }) : again(message),
  );
  socket.on("disconnect", (reason) => {
    // The client itself disconnects after the end, and when the page is left.
    if (reason === "io client disconnect") return;
    if (socket.active) onState({ name: "cut", reason });
    else again(reason);
  });
  socket.on("log", ({ deployment, seq, lines, at }: LogEvent) => {
    if (deployment !== id) return;
    const isNext = buffer.append(seq, lines, at == null ? Number.NaN : Date.parse(at));
    if (!isNext) subscribe();
  });
  socket.on("rewind", ({ deployment, afterSeq }: { deployment: string; afterSeq: number }) => {
    if (deployment === id) buffer.truncate(afterSeq);
  });
  socket.on("status", ({ index }: { index: number }) => {
    afterStatus = index;
    onStatus();
  });
  socket.on("lost", ({ error }: { error: string }) => again(error));
  socket.on("end", () => {
    onState({ name: "ended" });
    onStatus();
    socket.disconnect();
  });
}
