// A collector of traces as a separate process, so that its CPU time is not counted for the process that sends the traces. GET / returns the
// number of spans since the last such request.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { reportReady } from "../server-process.ts";

let spans = 0;
const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8").on("data", (text: string) => (body += text));
  request.on("end", () => {
    if (request.method === "GET") {
      response.end(String(spans));
      spans = 0;
      return;
    }
    spans += body.match(/"spanId":/g)?.length ?? 0;
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
}).listen(0, "127.0.0.1");
await once(server, "listening");
reportReady((server.address() as AddressInfo).port);
