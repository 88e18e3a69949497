// HAProxy's configuration. HAProxy sends a plain request for an app that is in its maps to the app. It passes all others to the router.

import { join } from "node:path";
import { clientHeader } from "../headers.ts";
import { limits } from "../limits.ts";
import { responseOf } from "../pages.ts";
import type { PageName } from "../pages.ts";

export interface HaproxyOptions {
  /** Where HAProxy listens. */
  readonly listen: { readonly address: string; readonly port: number };
  /** Folder of the files, which other users cannot enter. */
  readonly folder: string;
  /** Proxies whose X-Forwarded-* headers are kept. */
  readonly trustedNetworks: readonly string[];
  /** How long an app may send nothing. */
  readonly timeoutMs: number;
  readonly maxConnections: number;
  /** Whether HAProxy sends the router a line for each request that it sent to an app. */
  readonly logsRequests: boolean;
}

/** The files in HAProxy's folder. */
export function haproxyFiles(folder: string) {
  return {
    configuration: join(folder, "haproxy.cfg"),
    /** Sockets: for HAProxy's commands, for requests to the router, and for lines about requests. */
    commands: join(folder, "commands"),
    router: join(folder, "router"),
    log: join(folder, "log"),
    /** Host names with the generation of the route, its number of targets, and the rollout. */
    routes: join(folder, "routes.map"),
    /** Generations and numbers of targets, with their addresses and ports. */
    targets: join(folder, "targets.map"),
    /** Until when the routes may be used, in seconds of the epoch. */
    lease: join(folder, "lease.map"),
    page: (status: number) => join(folder, `${status}.http`),
  };
}

/** The table that counts the requests in flight per rollout. */
export const rolloutsTable = "rollouts";
/** The frontend of all clients. */
export const frontend = "public";
/** The backend and the server by which HAProxy sends requests to apps. */
export const appsBackend = "apps";
export const appServer = "app";
/** The key of the lease in its map. */
export const leaseKey = "lease";
/** The separator of the parts of a value in a map. */
export const separator = "|";
/** How long the table remembers a rollout without requests. */
export const idleMs = 10_000;
/** The longest rollout id that the table can have as a key. */
export const maxRolloutIdLength = 64;

/** HAProxy's own errors have the router's pages. */
const errorPages: Readonly<Record<number, PageName>> = {
  400: "bad-request",
  408: "upload-stopped",
  502: "broken",
  503: "cannot-look-up",
  504: "silent",
};

/** Names of headers that identify the client (headers.ts), in every spelling. */
const identifying = "x[-_]forwarded([-_].*)?|forwarded|x[-_]real[-_]ip";
/** The same, only spellings with an underscore. */
const identifyingWithUnderscore =
  "x_forwarded([-_].*)?|x-forwarded_.*|x-forwarded-.*_.*|x_real[-_]ip|x-real_ip";
/** Hop-by-hop headers that a request may have if HAProxy sends it to an app, and the router's own header. */
const notForApps = `keep-alive|proxy-connection|proxy-authorization|te|trailer|${clientHeader}`;
/** HAProxy sets the header Connection itself. */
const hopByHopOfResponses = [
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "te",
  "trailer",
  "upgrade",
];

/**
 * HAProxy copies a whole buffer for each request that it may have to repeat: with 32 KiB, a request takes a quarter more of the CPU. The
 * head of a message has to fit into a buffer, with what HAProxy adds to it.
 */
const bufferBytes = 16 * 1024;
const rewriteBytes = 1024;

/** @returns the contents of HAProxy's files by their paths. */
export function haproxyConfiguration(options: HaproxyOptions): Map<string, string> {
  const files = haproxyFiles(options.folder);
  const sections = [
    globalSection(options),
    defaultsSection(options),
    ...(options.logsRequests ? [ringSection(options)] : []),
    rolloutsSection(),
    frontendSection(options),
    routerSection(options),
    appsSection(options),
  ];
  return new Map([
    [files.configuration, `${sections.map((lines) => lines.join("\n  ")).join("\n")}\n`],
    ...[files.routes, files.targets].map((file) => [file, ""] as const),
    [files.lease, `${leaseKey} 0\n`],
    ...Object.entries(errorPages).map(
      ([status, page]) => [files.page(Number(status)), responseOf(page)] as const,
    ),
  ]);
}

function globalSection({ folder, maxConnections }: HaproxyOptions): string[] {
  return [
    "global",
    // With a single thread, no command is executed between the rules of a request.
    "nbthread 1",
    `maxconn ${maxConnections}`,
    "no strict-limits",
    // Otherwise a second HAProxy could listen on the same port.
    "noreuseport",
    `stats socket unix@${haproxyFiles(folder).commands} mode 600 level admin`,
    "stats maxconn 100",
    "stats timeout 1m",
    `tune.bufsize ${bufferBytes}`,
    `tune.maxrewrite ${rewriteBytes}`,
    `tune.http.maxhdr ${limits.headerCount}`,
  ];
}

function defaultsSection({ folder, timeoutMs, maxConnections }: HaproxyOptions): string[] {
  return [
    "defaults",
    "mode http",
    `maxconn ${maxConnections}`,
    "timeout connect 3s",
    `timeout client ${timeoutMs + limits.idleMarginMs}`,
    `timeout server ${timeoutMs}`,
    `timeout http-request ${limits.headersMs}`,
    `timeout http-keep-alive ${limits.keepAliveMs}`,
    // WebSockets may idle. HAProxy's timers end at 24 days.
    "timeout tunnel 24d",
    "option abortonclose",
    "option http-ignore-probes",
    "option disable-h2-upgrade",
    ...Object.keys(errorPages).map(
      (status) => `errorfile ${status} ${haproxyFiles(folder).page(Number(status))}`,
    ),
  ];
}

/** The buffer of the lines about requests, until the router has read them. */
function ringSection({ folder }: HaproxyOptions): string[] {
  return [
    "ring requests",
    "format raw",
    "maxlen 8192",
    "size 4194304",
    "timeout connect 5s",
    "timeout server 10s",
    `server receiver unix@${haproxyFiles(folder).log} log-proto octet-count`,
  ];
}

function rolloutsSection(): string[] {
  return [
    `backend ${rolloutsTable}`,
    `stick-table type string len ${maxRolloutIdLength} size 100k expire ${idleMs} store conn_cur,gpc0`,
  ];
}

/**
 * Decides which requests go to an app. The order matters: a request is counted on its rollout before its target is looked up. If the target
 * was removed in between, the router gets the request.
 */
function frontendSection({ folder, listen, trustedNetworks, logsRequests }: HaproxyOptions): string[] {
  const files = haproxyFiles(folder);
  const isIPv6 = listen.address.includes(":");
  const absent = ["content-length", "transfer-encoding", "upgrade", "expect", "connection"];
  const conditions = [
    "method GET HEAD OPTIONS",
    "req.ver 1.1",
    "url_beg /",
    "req.fhdr_cnt(host) eq 1",
    // The converter host_only also removes an invalid port.
    "req.fhdr(host) -m reg ^[^:]*(:[0-9]*)?$",
    ...(trustedNetworks.length > 0 ? ["req.fhdr_cnt(x-forwarded-for) le 1"] : []),
    "date,sub(txn.lease) lt 0",
  ].map((condition) => `{ ${condition} }`);
  const found = (variable: string) => `{ var(txn.${variable}) -m found }`;
  const part = (variable: string, number: number) => `var(txn.${variable}),field(${number},${separator})`;
  return [
    `frontend ${frontend}`,
    `bind ipv${isIPv6 ? 6 : 4}@[${listen.address}]:${listen.port} proto h1${isIPv6 ? " v4v6" : ""}`,
    `http-request set-var(txn.lease) str(${leaseKey}),map_str_int(${files.lease},0)`,
    `http-request set-var(txn.route) req.fhdr(host),lower,host_only,map_str(${files.routes}) if ${[
      ...conditions,
      ...absent.map((name) => `!{ req.fhdr_cnt(${name}) gt 0 }`),
    ].join(" ")}`,
    `http-request set-var(txn.count) ${part("route", 2)},add(0) if ${found("route")}`,
    `http-request track-sc0 ${part("route", 3)} table ${rolloutsTable} if ${found("route")}`,
    `http-request set-var(txn.turn) sc0_inc_gpc0,mod(txn.count) if ${found("route")}`,
    `http-request set-var(txn.target) ${part("route", 1)},concat(/,txn.turn),map_str(${files.targets}) if ${found("route")} { sc0_tracked }`,
    ...(logsRequests ? logRules(found("target")) : []),
    `use_backend ${appsBackend} if ${found("target")}`,
    "default_backend router",
  ];
}

/** The fields of a line, which request-log.ts reads. Only the last one may contain spaces. */
function logRules(isForApp: string): string[] {
  return [
    "log ring@requests len 8192 format raw local0",
    'log-format "%s %ST %Ta %ts %HM %ci %[var(txn.host)] %[var(txn.path)] %[var(txn.forwarded_for)]"',
    `http-request set-log-level silent unless ${isForApp}`,
    `http-request set-var(txn.host) req.fhdr(host) if ${isForApp}`,
    `http-request set-var(txn.path) path if ${isForApp}`,
    `http-request set-var(txn.forwarded_for) req.fhdr(x-forwarded-for) if ${isForApp}`,
  ];
}

/** A connection for each request: HAProxy could not repeat these requests on another one if Node had closed a kept connection. */
function routerSection({ folder, timeoutMs }: HaproxyOptions): string[] {
  return [
    "backend router",
    "http-reuse never",
    "option http-server-close",
    // The router has limits of its own, and pages for them.
    `timeout server ${limits.requestMs + timeoutMs}`,
    `http-request set-header ${clientHeader} %[src]`,
    `server router unix@${haproxyFiles(folder).router}`,
  ];
}

/**
 * Sends requests to apps. If an app accepts no connection, or closes it without a response, the router gets the request. It makes the
 * pages, and tries other instances. HAProxy could not choose another app: only the router's servers have a weight. There are two, because
 * HAProxy waits for a second before it chooses the only server.
 */
function appsSection({ folder, listen, trustedNetworks }: HaproxyOptions): string[] {
  const { router } = haproxyFiles(folder);
  const source = listen.address.includes(":") ? "%[src,regsub(^::ffff:,)]" : "%[src]";
  return [
    `backend ${appsBackend}`,
    "http-reuse always",
    "retries 1",
    "option redispatch 1",
    "retry-on conn-failure empty-response",
    `http-request set-dst var(txn.target),field(1,${separator})`,
    `http-request set-dst-port var(txn.target),field(2,${separator})`,
    ...(trustedNetworks.length === 0 ? forwardedRules(source) : proxiedRules(source, trustedNetworks)),
    // Like Node, which refuses such a response.
    "http-response deny deny_status 502 if { status lt 100 }",
    ...hopByHopOfResponses.map((name) => `http-response del-header ${name}`),
    `use-server ${appServer} if { var(txn.target) -m found }`,
    `server ${appServer} 0.0.0.0:0 weight 0`,
    `server router-1 unix@${router}`,
    `server router-2 unix@${router}`,
  ];
}

/** Replaces all headers that identify the client. */
function forwardedRules(source: string): string[] {
  return [
    removeHeaders(`${identifying}|${notForApps}`),
    `http-request add-header x-forwarded-for ${source}`,
    "http-request add-header x-forwarded-proto http",
    "http-request add-header x-forwarded-host %[req.fhdr(host)]",
    `http-request add-header x-forwarded-port 80 if ${hostWithoutPort}`,
    `http-request add-header x-forwarded-port %[req.fhdr(host),port_only] if !${hostWithoutPort}`,
  ];
}

/** Keeps the headers that a trusted proxy has set. */
function proxiedRules(source: string, trustedNetworks: readonly string[]): string[] {
  const unset = (header: string) => `!{ req.fhdr_cnt(x-forwarded-${header}) gt 0 }`;
  return [
    ...trustedNetworks.map((network) => `acl is_trusted src ${network}`),
    removeHeaders(`${identifying}|${notForApps}`, " if !is_trusted"),
    removeHeaders(`${identifyingWithUnderscore}|${notForApps}`, " if is_trusted"),
    "http-request set-var(txn.forwarded) req.fhdr(x-forwarded-for)",
    `http-request set-header x-forwarded-for "%[var(txn.forwarded)], ${source}" if { var(txn.forwarded) -m found }`,
    `http-request add-header x-forwarded-for "${source}" unless { var(txn.forwarded) -m found }`,
    `http-request add-header x-forwarded-proto http if ${unset("proto")}`,
    `http-request add-header x-forwarded-host %[req.fhdr(host)] if ${unset("host")}`,
    `http-request add-header x-forwarded-port 80 if ${unset("port")} ${hostWithoutPort}`,
    `http-request add-header x-forwarded-port %[req.fhdr(host),port_only] if ${unset("port")}`,
  ];
}

const hostWithoutPort = "{ req.fhdr(host),port_only eq 0 }";

function removeHeaders(names: string, condition = ""): string {
  return `http-request del-header ^(${names})$ -m reg${condition}`;
}
