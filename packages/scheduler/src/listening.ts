// Detects from inside its container whether the app accepts TCP connections on its port.
//
// Connecting to the published port proves nothing, because the engine's proxy accepts connections even if no process listens in
// the container; connecting to the container's own address is possible on one machine only (docker/direct-connection.ts).
// An exec reads the kernel's table of listening sockets, which every process in the container may read. This also works on a
// remote engine, and detects an app that listens on another port, or only on the loopback interface, which requests do not
// reach. It needs /bin/sh and sleep in the image.

import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { callEngine, requestStream, createDeframer } from "@slipway/docker";

const lookIntervalMs = 100;
/** Limit for the output of an unfinished probe: the app can write to the probe's output, and must not exhaust memory. */
const maxPendingChars = 64 * 1024;
/** 127.0.0.11 in the kernel's notation. */
const engineNameServer = "0B00007F";

/** Limit for other ports per probe, because an app may open any number. */
const maxOtherPorts = 32;

/** The listening sockets in a container. */
export interface Listening {
  /** The scope in which the app's port can be reached. */
  readonly reach: "nowhere" | "loopback" | "reachable";
  /** The other ports on which the app listens, in ascending order. */
  readonly elsewhere: readonly OtherPort[];
}

export interface OtherPort {
  readonly port: number;
  /** Whether the port can be reached only on the loopback interface. */
  readonly loopback: boolean;
}

/** The result before the first probe, or without one. */
export const notListening: Listening = { reach: "nowhere", elsewhere: [] };

/**
 * Defines a shell function `look`. It writes the listening sockets, one `ADDRESS:PORT` per line in the kernel's notation, then a
 * dot, and sets `found` when a process listens on the port at an address other than loopback. The columns of /proc/net/tcp:
 * number, local address, remote address, state; 0A is LISTEN.
 */
export const lookFunction = (port: number): string => `
look() {
  found= others=0
  for table in /proc/net/tcp /proc/net/tcp6; do
    [ -r $table ] && while read -r _ address _ state _; do
      [ "$state" = 0A ] || continue
      case $address in
        *7F:${hexPort(port)}|00000000000000000000000001000000:${hexPort(port)}) ;;
        *:${hexPort(port)}) found=1 ;;
        *) others=$((others + 1)); [ $others -le ${maxOtherPorts} ] || continue ;;
      esac
      echo "$address"
    done <$table
  done
  echo .
}`;

/** The shell exits by itself, once the port is reachable or after the last probe, because the engine cannot stop an exec. */
const script = (port: number, looks: number): string => `${lookFunction(port)}
looks=0
while look; [ -z "$found" ] && [ $looks -lt ${looks} ]; do
  looks=$((looks + 1))
  sleep 0.1
done`;

/**
 * Calls `onState` with each probe's result, about ten times a second, until the signal aborts. Returns earlier when the probing ends:
 * with the container, or because the probe cannot run in it.
 * @param timeoutMs time after which the probing stops.
 * @returns error messages of the probe's shell; "" without any.
 */
export async function watchListening(
  docker: Docker,
  containerId: string,
  port: number,
  timeoutMs: number,
  onState: (state: Listening) => void,
  signal: AbortSignal,
): Promise<string> {
  const stream = await openProbe(
    docker,
    containerId,
    script(port, Math.ceil(timeoutMs / lookIntervalMs)),
    signal,
  );
  const stop = (): void => void stream.destroy();
  signal.addEventListener("abort", stop, { once: true });
  const deframe = createDeframer();
  let text = "";
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      text += Buffer.from(deframe(chunk)).toString("latin1");
      const looks = text.split(".\n");
      text = (looks.pop() ?? "").slice(-maxPendingChars);
      for (const look of looks) onState(parseLook(look, port));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    stream.destroy();
  }
  return failureIn(text);
}

/**
 * @param rest the output after the last complete probe.
 * @returns the shell's error messages in it, without addresses of an incomplete probe.
 */
export function failureIn(rest: string): string {
  const messages = rest.split("\n").filter((line) => !/^[0-9A-F:]*$/.test(line));
  return messages.join("\n").trim();
}

/**
 * @param look the output of one call of the shell function `look`, without its dot.
 * @param port the app's port.
 */
export function parseLook(look: string, port: number): Listening {
  const sockets = look.split("\n").flatMap((line) => socketOf(line) ?? []);
  const loopbackOnly = (of: number): boolean =>
    sockets.every((socket) => socket.port !== of || isLoopback(socket.address));
  const ports = [...new Set(sockets.map((socket) => socket.port))].toSorted((a, b) => a - b);
  return {
    reach: !ports.includes(port) ? "nowhere" : loopbackOnly(port) ? "loopback" : "reachable",
    elsewhere: ports.filter((one) => one !== port).map((one) => ({ port: one, loopback: loopbackOnly(one) })),
  };
}

/** Null for a line in another format, and for the engine's name server, which also listens in the container. */
function socketOf(line: string): { readonly address: string; readonly port: number } | null {
  const [, address, port] = /^([0-9A-F]{8}(?:[0-9A-F]{24})?):([0-9A-F]{4})$/.exec(line) ?? [];
  if (address === undefined || port === undefined || address === engineNameServer) return null;
  return { address, port: Number.parseInt(port, 16) };
}

/** Each group of eight digits is four bytes in the machine's byte order: little-endian on all supported machines. */
function isLoopback(address: string): boolean {
  const ipv4 =
    address.length === 8 ? address : address.startsWith("0000000000000000FFFF0000") ? address.slice(24) : "";
  return ipv4 === "" ? address === "00000000000000000000000001000000" : ipv4.endsWith("7F");
}

function hexPort(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, "0");
}

async function openProbe(
  docker: Docker,
  containerId: string,
  shell: string,
  signal: AbortSignal,
): Promise<Readable> {
  const container = docker.getContainer(containerId);
  const exec = await callEngine(
    "create the probe",
    () => container.exec({ Cmd: ["/bin/sh", "-c", shell], AttachStdout: true, AttachStderr: true }),
    { signal },
  );
  const start = (): Promise<Readable> => exec.start({ hijack: false, stdin: false });
  return await requestStream("start the probe", start, { signal });
}
