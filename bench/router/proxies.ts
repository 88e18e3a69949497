// nginx and HAProxy in the distribution's versions: as the requested app, and as proxies with one thread in front of the app.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "@slipway/testkit";
import { startProgram } from "./programs.ts";
import type { Program } from "./programs.ts";

const helloApp = join(import.meta.dirname, "hello-app.ts");
const largeBytes = 100_000;

/** The apps by their answers. nginx needs so little time that the proxy in front of it limits the rate. */
export const apps = {
  "hello of a Node.js app": { path: "/", start: startHello },
  "hello of nginx": { path: "/hello", start: startStatic },
  "100 kB of nginx": { path: "/large", start: startStatic },
} as const satisfies Record<string, { path: string; start: (folder: string) => Promise<Program> }>;

async function startHello(): Promise<Program> {
  const port = await freePort();
  const environment = { PORT: String(port) };
  return startProgram({ command: process.execPath, args: [helloApp], port, environment });
}

async function startStatic(folder: string): Promise<Program> {
  await writeFile(join(folder, "large"), "x".repeat(largeBytes));
  return startNginx(folder, "app", [
    'location = /hello { default_type text/plain; return 200 "Hello, world!\\n"; }',
    `location / { root ${folder}; }`,
  ]);
}

/** nginx keeps connections to the app open, like the other proxies, and writes no response to a file. */
export function startNginxProxy(folder: string, app: Program): Promise<Program> {
  const upstream = `upstream app { server 127.0.0.1:${app.port}; keepalive 64; keepalive_requests 1000000; }`;
  const forward = [
    "proxy_pass http://app; proxy_http_version 1.1; proxy_max_temp_file_size 0;",
    'proxy_set_header Connection ""; proxy_set_header Host $http_host;',
    "proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;",
  ];
  return startNginx(folder, "proxy", [`location / { ${forward.join(" ")} }`], upstream);
}

export async function startHaproxy(folder: string, app: Program): Promise<Program> {
  const port = await freePort();
  const file = join(folder, "haproxy.cfg");
  const lines = [
    "global",
    "  nbthread 1",
    "  maxconn 4096",
    "defaults",
    "  mode http",
    "  timeout connect 5s",
    "  timeout client 60s",
    "  timeout server 60s",
    "frontend requests",
    `  bind 127.0.0.1:${port}`,
    "  option forwardfor",
    "  http-request set-header X-Forwarded-Proto http",
    "  default_backend app",
    "backend app",
    `  server app 127.0.0.1:${app.port}`,
  ];
  await writeFile(file, `${lines.join("\n")}\n`);
  return startProgram({ command: "haproxy", args: ["-q", "-db", "-f", file], port });
}

async function startNginx(
  folder: string,
  name: string,
  locations: readonly string[],
  upstream = "",
): Promise<Program> {
  const port = await freePort();
  const file = join(folder, `nginx-${name}.conf`);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${join(folder, `${name}-${kind}`)};`,
  );
  const lines = [
    // A single process, whose CPU time and memory are those of the proxy.
    "daemon off; master_process off;",
    `pid ${join(folder, `nginx-${name}.pid`)}; error_log stderr crit;`,
    "events { worker_connections 4096; }",
    `http { access_log off; keepalive_requests 1000000; ${temporary.join(" ")}`,
    upstream,
    `server { listen 127.0.0.1:${port}; ${locations.join(" ")} } }`,
  ];
  await writeFile(file, `${lines.join("\n")}\n`);
  return startProgram({ command: "nginx", args: ["-e", "stderr", "-c", file], port });
}
