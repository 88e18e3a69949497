// Encodes events as WebSocket text frames: one JSON document per frame, many frames per buffer.
//
// A server does not mask its frames, and without an extension they are the same for every client. So the frames of a batch
// are encoded once for all followers that send it at about the same time, and written to each socket with a single call.

import { SizedCache } from "@slipway/logs";
import type { FollowEvent, LineBatch } from "@slipway/logs";
import { rewindNotice } from "@slipway/protocol";
import type { NewFrame, PingFrame, ServerFrame, StatusFrame } from "@slipway/protocol";

/** The Origin of Scalingo's command line. It expects an object in `new`; every other client expects the deployment's id. */
const commandLineOrigin = "http://scalingo-cli.local";

const finalTextFrame = 0x81;
/**
 * A payload of up to `maxBytes` has a header of 2 bytes, a payload of up to `max16Bytes` a header of 4, any larger payload a header of 10.
 */
const shortPayload = { maxBytes: 125, marker16: 126, marker64: 127, max16Bytes: 0xffff } as const;

/** How many bytes of frames are kept for the next followers. */
const keptBytes = 1024 * 1024;
const framesOfBatch = new SizedCache<LineBatch, Buffer>(keptBytes);

/** The properties of a client that its frames depend on. */
export interface FrameReader {
  /** The Origin header of the upgrade request. */
  readonly origin: string | undefined;
  /** Whether the client handles `rewind`. */
  readonly rewinds: boolean;
}

/** @returns complete WebSocket frames; none for a phase, which clients of Scalingo do not support. */
export function framesOf(event: FollowEvent, reader: FrameReader): Buffer {
  if (event.type === "phase") return textFrames([]);
  if (event.type === "log") return logFrames(event.deploymentId, event.batch);
  return textFrames([JSON.stringify(frameOf(event, reader))]);
}

function frameOf(
  event: FollowEvent & { type: "new" | "status" | "rewind" },
  { origin, rewinds }: FrameReader,
): ServerFrame {
  if (event.type === "new") return newFrame(event, origin);
  if (event.type === "status") return statusFrame(event);
  const { deploymentId: id, afterSeq } = event;
  if (rewinds) return { type: "rewind", id, data: { afterSeq } };
  return { type: "log", id, data: { content: rewindNotice(event.lineCount) } };
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
  framesOfBatch.set(batch, frames, frames.length);
  return frames;
}

/** Encodes one frame per payload. */
export function textFrames(texts: readonly string[]): Buffer {
  const sizes = texts.map((text) => Buffer.byteLength(text));
  const buffer = Buffer.allocUnsafe(sizes.reduce((sum, bytes) => sum + headerBytes(bytes) + bytes, 0));
  let end = 0;
  for (const [index, text] of texts.entries()) {
    end = writeHeader(buffer, end, sizes[index] ?? 0);
    end += buffer.write(text, end);
  }
  return buffer;
}

function headerBytes(bytes: number): number {
  if (bytes <= shortPayload.maxBytes) return 2;
  return bytes <= shortPayload.max16Bytes ? 4 : 10;
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
