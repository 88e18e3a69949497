// One WebSocket to the stream. It sends an app's deployments that have not ended, or ended within the last minutes.

import { WebSocket } from "ws";
import { elapsed } from "@slipway/async";
import { serverFrame } from "@slipway/protocol";
import type { SeenFrames } from "./seen-frames.ts";

export interface StreamOptions {
  readonly url: string;
  readonly api: { readonly token: string };
  /** Whether the deployment has ended, according to the API. */
  readonly hasEnded: () => Promise<boolean>;
  /** After this time without a frame of the deployment, `hasEnded` is called. */
  readonly silenceMs: number;
  /** How long opening the connection may take. */
  readonly openMs: number;
  readonly onOpen: () => void;
  readonly signal: AbortSignal;
}

/**
 * Shows the frames of one connection, until the final status. Closes a connection that sends nothing although the deployment has ended.
 * @returns why the connection ended, as a sentence.
 * @throws an error for a malformed frame, and the errors of `hasEnded`.
 */
export async function readStream(options: StreamOptions, seen: SeenFrames): Promise<string> {
  const { url, api, openMs, onOpen, signal } = options;
  const left = new AbortController();
  const ended = Promise.withResolvers<string>();
  const socket = new WebSocket(url, { handshakeTimeout: openMs });
  let failure = "";
  const abort = () => socket.terminate();
  signal.addEventListener("abort", abort, { once: true });
  socket.on("open", () => {
    seen.connected();
    onOpen();
    socket.send(JSON.stringify({ type: "auth", data: { token: api.token, rewinds: true } }));
  });
  socket.on("message", (data: Buffer) => {
    try {
      seen.receive(serverFrame.parse(JSON.parse(data.toString("utf8"))));
    } catch (error) {
      ended.reject(error);
    }
    if (seen.finalStatus !== undefined) ended.resolve(seen.finalStatus);
  });
  socket.on("error", (error) => (failure = error.message));
  socket.on("close", (code, text) =>
    ended.resolve(`The stream ${url} closed (${failure || `${code} ${String(text)}`.trim()}).`),
  );
  try {
    return await Promise.race([ended.promise, untilSilent(options, seen, left.signal)]);
  } finally {
    left.abort();
    signal.removeEventListener("abort", abort);
    socket.terminate();
  }
}

/** Resolves when the deployment has ended and no more frames arrive, or when the connection is closed. */
async function untilSilent(
  { url, hasEnded, silenceMs }: StreamOptions,
  seen: SeenFrames,
  left: AbortSignal,
): Promise<string> {
  let received = -1;
  while (await elapsed(silenceMs, left)) {
    const isSilent = seen.received === received;
    ({ received } = seen);
    if (isSilent && (await hasEnded())) break;
  }
  return `The stream ${url} did not send the end of the deployment.`;
}
