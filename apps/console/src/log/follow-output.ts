// Follows a running deployment's log by socket.io. After an interruption, resumes at the end of the buffer.

import type { SubscriptionAnswer } from "@slipway/protocol";
import type { Socket } from "socket.io-client";
import { socketToken } from "../api/actions.ts";
import { messageFor } from "../api/client.ts";
import type { LogBuffer } from "./log-buffer.ts";

/** "cut": the connection is lost, and is attempted again. "failed": no further attempt is made. */
export type LogState =
  | { readonly name: "connecting" | "live" | "ended" }
  | { readonly name: "cut" | "failed"; readonly reason: string };

interface Following {
  readonly app: string;
  readonly id: string;
  /** The app's `deployments_stream`. */
  readonly streamUrl: string;
  readonly buffer: LogBuffer;
  readonly onState: (state: LogState) => void;
  readonly onStatus: () => void;
  readonly signal: AbortSignal;
}

interface LogEvent {
  readonly deployment: string;
  readonly seq: number;
  readonly lines: readonly string[];
  readonly at?: string | null;
}

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

/** Whether another subscription would be rejected as well. */
function isFinalRefusal(code: string): boolean {
  return code === "not-found" || code === "forbidden";
}

/** The stream's origin, and the path of socket.io there. */
function addressOf(streamUrl: string): { origin: string; path: string } {
  const url = new URL(streamUrl);
  return {
    origin: `${url.protocol}//${url.host}`,
    path: `${url.pathname.replace(/\/apps\/[^/]*$/, "")}/socket.io`,
  };
}

/** Each connection uses a new token, because an earlier token may have expired. */
async function giveToken({ onState }: Following, give: (auth: object) => void): Promise<void> {
  try {
    give({ token: await socketToken() });
  } catch (error) {
    onState({ name: "cut", reason: messageFor(error) });
    // The stream rejects the invalid token, and the next attempt requests another one.
    give({ token: "-" });
  }
}

/** Follows one deployment over a connection, and subscribes again after each temporary failure. */
export function listen(
  socket: Pick<Socket, "on" | "emit" | "connect" | "disconnect" | "connected" | "active">,
  following: Omit<Following, "streamUrl">,
  retryMs = 2_000,
): void {
  const { app, id, buffer, onState, onStatus } = following;
  // By the last status, the stream knows which attempt wrote the lines in the buffer.
  let afterStatus = 0;
  const subscribe = () =>
    socket.emit(
      "subscribe",
      { app, deployment: id, afterSeq: buffer.count, afterStatus },
      (answer: SubscriptionAnswer) => {
        if (answer.ok) onState({ name: "live" });
        else if (isFinalRefusal(answer.code)) onState({ name: "failed", reason: `${answer.error}.` });
        else again(answer.error);
      },
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
    // The client itself disconnects after the end, and when the user leaves the page.
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
