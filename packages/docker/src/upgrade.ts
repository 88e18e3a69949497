// Connections to an engine that switch from HTTP/1 to another protocol on the same socket.

import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";

export interface EngineAddress {
  readonly host: string;
  readonly port: string;
  readonly socketPath?: string | undefined;
  readonly protocol: "http" | "https";
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** A header may have several values. */
export type UpgradeHeaders = Readonly<Record<string, string | readonly string[]>>;

/**
 * @param headers include the protocol as `upgrade`. @returns the socket after the engine's response; the caller must destroy it.
 * @throws the client's error; an error with `statusCode` when the engine refuses; the signal's reason.
 */
export function upgrade(
  { protocol, host, port, socketPath, ...tls }: EngineAddress,
  path: string,
  headers: UpgradeHeaders,
  signal: AbortSignal,
): Promise<Duplex> {
  const request = protocol === "https" ? httpsRequest : httpRequest;
  const target = socketPath === undefined ? { host, port } : { socketPath };
  return new Promise((resolve, reject) => {
    const sent = request({
      ...target,
      ...tls,
      method: "POST",
      path,
      agent: false,
      headers: { connection: "Upgrade", ...headers } as Record<string, string | string[]>,
      signal,
    });
    sent.on("upgrade", (_response, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    sent.on("response", (response) => {
      response.resume();
      const { statusCode } = response;
      reject(Object.assign(new Error(`the engine responded with ${statusCode}`), { statusCode }));
    });
    sent.on("error", (error) => reject(signal.aborted ? signal.reason : error));
    sent.end();
  });
}
