// Encodes log events as socket.io packets, once for all sessions that send them at about the same time.
//
// `socket.emit` would encode the event for each session. When 50 sessions replayed a log, most of the memory was used by these copies.

import { SizedCache } from "@slipway/logs";
import type { FollowEvent, LineBatch } from "@slipway/logs";
import type { ServerEvents } from "@slipway/protocol";
import type { ClientSocket } from "./client-socket.ts";
import { textFrames } from "./frames.ts";

/** How many bytes of packets are kept for the next sessions. */
const keptBytes = 1024 * 1024;
/** Type of an engine.io message, and of a socket.io event in the default namespace without an acknowledgement. */
const [message, eventPacket] = ["4", "2"];

interface Packet {
  readonly text: string;
  /** `compress` is engine.io's default. For a WebSocket transport, engine.io writes the frame unchanged. */
  readonly options: { readonly compress: boolean; readonly wsPreEncodedFrame: readonly Buffer[] };
}

const packetOfBatch = new SizedCache<LineBatch, Packet>(keptBytes);

/** Sends the event as `socket.emit("log", …)` would. @param app the id of the deployment's app. */
export function emitLog({ conn }: ClientSocket, app: string, event: FollowEvent & { type: "log" }): void {
  const { text, options } = packetOf(app, event);
  conn.write(text, options);
}

function packetOf(app: string, { deploymentId: deployment, batch }: FollowEvent & { type: "log" }): Packet {
  const cached = packetOfBatch.get(batch);
  if (cached !== undefined) return cached;
  const event: Parameters<ServerEvents["log"]>[0] = {
    app,
    deployment,
    seq: batch.firstSeq,
    at: batch.at?.toISOString() ?? null,
    lines: batch.text.split("\n"),
  };
  const text = `${eventPacket}${JSON.stringify(["log", event])}`;
  const frame = textFrames([`${message}${text}`]);
  const packet = { text, options: { compress: true, wsPreEncodedFrame: [frame] } };
  packetOfBatch.set(batch, packet, text.length + frame.length);
  return packet;
}
