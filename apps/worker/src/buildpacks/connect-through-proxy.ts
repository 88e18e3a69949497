// A program of its own: connects standard input and output to a host and a port, through the proxy of SLIPWAY_GIT_PROXY. Git runs it
// for git:// URLs with host and port as arguments.

import { request } from "node:http";
import { pipeline } from "node:stream/promises";

const [host = "", port = ""] = process.argv.slice(2);
const proxy = new URL(process.env["SLIPWAY_GIT_PROXY"] ?? "");
const credentials = Buffer.from(`${proxy.username}:${proxy.password}`).toString("base64");
const connecting = request({
  host: proxy.hostname,
  port: proxy.port,
  method: "CONNECT",
  path: `${host.includes(":") ? `[${host}]` : host}:${port}`,
  headers: { "proxy-authorization": `Basic ${credentials}` },
});
connecting.once("connect", (response, socket, head) => {
  if (response.statusCode !== 200) process.exit(1);
  process.stdout.write(head);
  Promise.all([pipeline(process.stdin, socket), pipeline(socket, process.stdout, { end: false })]).then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
connecting.once("error", () => process.exit(1));
connecting.end();
