// Encodes events as WebSocket text frames: one JSON document per frame, many frames per buffer.
//
// A server does not mask its frames, and without an extension they are the same for every client. So the frames of a live
// batch are encoded once for all followers of the app, and written to each socket with a single call.

import type { FollowEvent, LineBatch } from "@slipway/logs";
import type { NewFrame, PingFrame, StatusFrame } from "@slipway/protocol";

/** The Origin of Scalingo's command line. It expects an object in `new`; every other client expects the deployment's id. */
const commandLineOrigin = "http://scalingo-cli.local";

const finalTextFrame = 0x81;
/** A payload of up to `maxBytes` has a header of 2 bytes, one of up to `max16Bytes` a header of 4, any other a header of 10. */
const shortPayload = { maxBytes: 125, marker16: 126, marker64: 127, max16Bytes: 0xffff } as const;
const maxHeaderBytes = 10;

const framesOfBatch = new WeakMap<LineBatch, Buffer>();

/** @param origin the Origin header of the upgrade request. @returns complete WebSocket frames. */
export function framesOf(event: FollowEvent, origin: string | undefined): Buffer {
  if (event.type === "log") return logFrames(event.deploymentId, event.batch);
  return textFrames([JSON.stringify(event.type === "new" ? newFrame(event, origin) : statusFrame(event))]);
}

export function pingFrames(now: Date): Buffer {
  const frame: PingFrame = { type: "ping", data: { ts: Math.floor(now.getTime() / 1000) } };
  return textFrames([JSON.stringify(frame)]);
}

function newFrame({ deployment }: FollowEvent & { type: "new" }, origin: string | undefined): NewFrame {
  const { id, pusher } = deployment;
  const forCommandLine = origin?.startsWith(commandLineOrigin) === true;
  return { type: "new", data: { deployment: forCommandLine ? { id, pusher } : id } };
}

function statusFrame({ deploymentId, change }: FollowEvent & { type: "status" }): StatusFrame {
  return { type: "status", id: deploymentId, data: { status: change.status } };
}

/** Encodes one frame per line. */
function logFrames(deploymentId: string, batch: LineBatch): Buffer {
  const cached = framesOfBatch.get(batch);
  if (cached !== undefined) return cached;
  const prefix = `{"type":"log","id":${JSON.stringify(deploymentId)},"data":{"content":`;
  const frames = textFrames(batch.text.split("\n").map((line) => `${prefix}${JSON.stringify(line)}}}`));
  framesOfBatch.set(batch, frames);
  return frames;
}

/** Encodes one frame per payload. */
export function textFrames(texts: readonly string[]): Buffer {
  let maxBytes = 0;
  for (const text of texts) maxBytes += maxHeaderBytes + text.length * 3;
  const buffer = Buffer.allocUnsafe(maxBytes);
  let end = 0;
  for (const text of texts) {
    const bytes = Buffer.byteLength(text);
    end = writeHeader(buffer, end, bytes);
    end += buffer.write(text, end);
  }
  // Copied, because the buffer may be three times as large and the frames may stay in many sockets' queues.
  return Buffer.from(buffer.subarray(0, end));
}

/** @returns the offset of the payload. */
function writeHeader(buffer: Buffer, at: number, bytes: number): number {
  buffer[at] = finalTextFrame;
  if (bytes <= shortPayload.maxBytes) {
    buffer[at + 1] = bytes;
    return at + 2;
  }
  if (bytes <= shortPayload.max16Bytes) {
    buffer[at + 1] = shortPayload.marker16;
    return buffer.writeUInt16BE(bytes, at + 2);
  }
  buffer[at + 1] = shortPayload.marker64;
  return buffer.writeBigUInt64BE(BigInt(bytes), at + 2);
}
