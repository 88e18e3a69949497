// A separate program: connects standard input and output to a host and a port, through a proxy. Git runs it for git:// URLs. Its arguments
// are the URL of the proxy, the host and the port.

import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { pipeline } from "node:stream/promises";

const [proxyUrl = "", host = "", port = ""] = process.argv.slice(2);
const proxy = new URL(proxyUrl);
const credentials = Buffer.from(`${proxy.username}:${proxy.password}`).toString("base64");
const connecting = request({
  host: proxy.hostname,
  port: proxy.port,
  method: "CONNECT",
  path: `${host.includes(":") ? `[${host}]` : host}:${port}`,
  headers: { "proxy-authorization": `Basic ${credentials}` },
});
connecting.end();
const [response, socket, head] = (await once(connecting, "connect")) as [IncomingMessage, Socket, Buffer];
if (response.statusCode !== 200) throw new Error(`the proxy responded with status ${response.statusCode}`);
process.stdout.write(head);
await Promise.all([pipeline(process.stdin, socket), pipeline(socket, process.stdout, { end: false })]);
