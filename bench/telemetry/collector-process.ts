// A collector of traces as a process of its own, so that its CPU time is not that of the process which sends them. Accepts every batch
// without reading what is in it.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { reportReady } from "../server-process.ts";

const server = createServer((request, response) => {
  request.resume().on("end", () => response.writeHead(200, { "content-type": "application/json" }).end("{}"));
}).listen(0, "127.0.0.1");
await once(server, "listening");
reportReady((server.address() as AddressInfo).port);
