// The app of the benchmark "router": a Node.js server that answers each request with a few bytes.

import { createServer } from "node:http";

createServer((_request, response) => response.end("Hello, world!\n")).listen(
  Number(process.env["PORT"]),
  "127.0.0.1",
);
