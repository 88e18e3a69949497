// The bytes that followers get: events as JSON, each in a WebSocket text frame of its own, many frames in one buffer.
//
// A server's frames are neither masked nor, without an extension, any different from client to client. So the frames of a
// live batch are made once for all who follow the app, and go to each socket in a single write.

import type { FollowEvent, LineBatch } from "@slipway/logs";
import type { NewFrame, PingFrame, StatusFrame } from "@slipway/protocol";

/** The command-line client's Origin: it reads `new` with an object where all others read the deployment's id. */
const commandLineOrigin = "http://scalingo-cli.local";

const finalTextFrame = 0x81;
/** Payloads up to the first have a header of 2 bytes, up to the second of 4, others of 10. */
const shortPayload = { maxBytes: 125, marker16: 126, marker64: 127, max16Bytes: 0xffff } as const;
const maxHeaderBytes = 10;

const framesOfBatch = new WeakMap<LineBatch, Buffer>();

/** @param origin of the client's upgrade request. @returns whole WebSocket frames, ready for the socket. */
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

/** One frame a line. */
function logFrames(deploymentId: string, batch: LineBatch): Buffer {
  const made = framesOfBatch.get(batch);
  if (made !== undefined) return made;
  const before = `{"type":"log","id":${JSON.stringify(deploymentId)},"data":{"content":`;
  const frames = textFrames(batch.text.split("\n").map((line) => `${before}${JSON.stringify(line)}}}`));
  framesOfBatch.set(batch, frames);
  return frames;
}

/** @param texts the payloads. */
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
  // what waits in many sockets should not hold three times its size
  return Buffer.from(buffer.subarray(0, end));
}

/** @returns where the payload begins. */
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
