// Finds out whether the app accepts TCP on its port, from inside its container.
//
// The published port says nothing: the engine's proxy accepts there though no one listens behind it. So one exec per boot
// reads the kernel's table of listening sockets, which every process in the container may read. It works on a remote engine
// as well and opens no connection that an app would log. It also sees an app that listens on the loopback interface only,
// where no request reaches it, or on another port. It needs /bin/sh and sleep in the image, as in any stack.

import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { ask, requestStream, createDeframer } from "@slipway/docker";

const lookEveryMs = 100;
/** Of one look that has not come to its end: the app can write to its probe, and must not fill our memory by it. */
const heldChars = 64 * 1024;
/** 127.0.0.11, as the kernel writes it. */
const engineNameServer = "0B00007F";

/** Other ports in one look; the app may open any number. */
const mostOtherPorts = 32;

/** What listens in a container. */
export interface Listening {
  /** From where the app's port can be reached. */
  readonly reach: "nowhere" | "loopback" | "reachable";
  /** What listens on other ports, by port. */
  readonly elsewhere: readonly OtherPort[];
}

export interface OtherPort {
  readonly port: number;
  /** Whether it can be reached on the loopback interface only. */
  readonly loopback: boolean;
}

/** Before the first look, or where none is possible. */
export const notListening: Listening = { reach: "nowhere", elsewhere: [] };

/**
 * Defines a shell function `look`, which writes what listens, an `ADDRESS:PORT` a line as the kernel writes it, then a dot,
 * and sets `found` when the port is listened on at an address other than loopback. The columns of /proc/net/tcp: number,
 * local address, remote address, state; 0A is LISTEN.
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
        *) others=$((others + 1)); [ $others -le ${mostOtherPorts} ] || continue ;;
      esac
      echo "$address"
    done <$table
  done
  echo .
}`;

/**
 * The shell ends by itself once an address other than loopback listens, or when nobody can still be waiting: an exec cannot
 * be ended from outside.
 */
const script = (port: number, looks: number): string => `${lookFunction(port)}
looks=0
while look; [ -z "$found" ] && [ $looks -lt ${looks} ]; do
  looks=$((looks + 1))
  sleep 0.1
done`;

/**
 * Calls `onState` with what is found, about ten times a second, until the signal ends it. Returns early when the probe
 * ends by itself: with the container, or because it cannot run in it.
 * @param timeoutMs after which it need not look any more.
 * @returns what the probe's shell complained of; "" when it did not.
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
    script(port, Math.ceil(timeoutMs / lookEveryMs)),
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
      text = (looks.pop() ?? "").slice(-heldChars);
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

/** @returns what the shell complained of after its last whole look; lines of a look that was cut off are no complaint. */
export function failureIn(rest: string): string {
  const complaints = rest.split("\n").filter((line) => !/^[0-9A-F:]*$/.test(line));
  return complaints.join("\n").trim();
}

/**
 * @param look what one call of the shell's `look` wrote, without its dot.
 * @param port the app's.
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

/** Null for what is no line of the kernel's, and for the engine's name server, which listens in the container too. */
function socketOf(line: string): { readonly address: string; readonly port: number } | null {
  const [, address, port] = /^([0-9A-F]{8}(?:[0-9A-F]{24})?):([0-9A-F]{4})$/.exec(line) ?? [];
  if (address === undefined || port === undefined || address === engineNameServer) return null;
  return { address, port: Number.parseInt(port, 16) };
}

/** Each group of eight digits is four bytes in the machine's order, little-endian on all we know. */
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
  const exec = await ask(
    "make the probe",
    () => container.exec({ Cmd: ["/bin/sh", "-c", shell], AttachStdout: true, AttachStderr: true }),
    { signal },
  );
  const start = (): Promise<Readable> =>
    exec.start({ hijack: false, stdin: false }) as Promise<unknown> as Promise<Readable>;
  return await requestStream("start the probe", start, { signal });
}
