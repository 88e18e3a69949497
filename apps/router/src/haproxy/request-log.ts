// Receives a line from HAProxy for each request that it sent to an app, and measures and logs it like the router's own requests.

import { createServer } from "node:net";
import type { Socket } from "node:net";
import { once } from "node:events";
import type { BlockList } from "node:net";
import { isMeasured } from "@slipway/telemetry";
import type { RequestLine } from "../access-log.ts";
import { clientBehind, isProxy, plainAddress } from "../headers.ts";
import { recordRequest } from "../request-metrics.ts";
import { appServer } from "./configuration.ts";

export interface RequestLogOptions {
  /** Path of the Unix socket. */
  readonly path: string;
  readonly trustedProxies: BlockList;
  /** Null when requests are not logged. */
  readonly write: ((line: RequestLine) => void) | null;
  readonly onError: (error: unknown) => void;
}

/** A request, as HAProxy reports it. */
export interface ReportedRequest {
  readonly server: string;
  readonly status: number;
  readonly milliseconds: number;
  /** Who ended the request, and in which phase (HAProxy's configuration manual, 8.5). `--` is a complete exchange. */
  readonly termination: string;
  readonly method: string;
  readonly peer: string;
  readonly host: string;
  readonly path: string;
  readonly forwardedFor: string | undefined;
}

/** Listens until disposal. Requests that HAProxy passed to the router are left out, since the router counts them itself. */
export async function openRequestLog(options: RequestLogOptions): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket)).on("error", options.onError);
    const split = messageSplitter();
    socket.setEncoding("latin1").on("data", (text: string) => {
      for (const message of split(text)) report(parseLine(message), options);
    });
  });
  server.on("error", options.onError);
  await once(server.listen(options.path), "listening");
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}

/** @returns a function that splits a stream of messages, each after its length in bytes and a space (RFC 6587, 3.4.1). */
export function messageSplitter(): (text: string) => string[] {
  let rest = "";
  return (text) => {
    rest += text;
    const messages: string[] = [];
    for (let start = 0; ;) {
      const space = rest.indexOf(" ", start);
      const end = space + 1 + Number(rest.slice(start, space));
      if (space === -1 || end > rest.length) {
        rest = rest.slice(start);
        return messages;
      }
      messages.push(rest.slice(space + 1, end));
      start = end;
    }
  };
}

/** @param line in the format of configuration.ts. */
export function parseLine(line: string): ReportedRequest {
  const [
    server = "",
    status,
    milliseconds,
    termination = "",
    method = "",
    peer = "",
    host = "",
    path = "",
    ...more
  ] = line.trimEnd().split(" ");
  const forwardedFor = more.join(" ");
  return {
    server,
    status: Number(status),
    milliseconds: Number(milliseconds),
    termination,
    method,
    peer: plainAddress(peer),
    host,
    path,
    forwardedFor: forwardedFor === "-" ? undefined : forwardedFor,
  };
}

function report(request: ReportedRequest, { trustedProxies, write }: RequestLogOptions): void {
  const { server, status, milliseconds, termination, method, peer, host, path, forwardedFor } = request;
  if (server.startsWith("router-")) return;
  const isComplete = termination === "--" || isPage(termination);
  if (isMeasured())
    recordRequest({
      status: isComplete ? status : null,
      isFromApp: server === appServer && !/^.[CH]/.test(termination),
      seconds: milliseconds / 1e3,
    });
  write?.({
    method,
    host,
    path,
    from: isProxy(peer, trustedProxies) ? clientBehind(peer, forwardedFor, trustedProxies) : peer,
    status,
    milliseconds,
    isComplete,
  });
}

/** Whether HAProxy responded with a page, because of the app: in the phases of the connection or of the response's head. */
function isPage(termination: string): boolean {
  return /^[SsP][CH]/.test(termination);
}
