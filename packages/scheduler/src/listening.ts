// Finds out whether the app accepts TCP on its port, from inside its container.
//
// The published port says nothing: the engine's proxy accepts there though no one listens behind it. So one exec per boot
// reads the kernel's table of listening sockets, which every process in the container may read. It works on a remote engine
// as well, opens no connection that an app would log, and tells an app that listens on the loopback interface only,
// which nobody outside can reach, from one that does not listen. It needs /bin/sh and sleep in the image, as in any stack.

import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { ask, askStream, createDeframer } from "@slipway/docker";

const lookEveryMs = 100;
/** Of one look that has not come to its end: the app can write to its probe, and must not fill our memory by it. */
const heldChars = 64 * 1024;

export type Listening = "nowhere" | "loopback" | "reachable";

/**
 * Defines a shell function `look`, which writes the local addresses that listen on the port, a line each, then a dot, and
 * sets `found` when one of them is not loopback. The columns of /proc/net/tcp: number, local address, remote address,
 * state; 0A is LISTEN.
 */
export const lookFunction = (port: number): string => `
look() {
  found=
  for table in /proc/net/tcp /proc/net/tcp6; do
    [ -r $table ] && while read -r _ address _ state _; do
      case $state$address in 0A*:${hexPort(port)}) ;; *) continue ;; esac
      echo "\${address%:*}"
      case $address in *7F:*|00000000000000000000000001000000:*) ;; *) found=1 ;; esac
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
 * @returns what the probe's shell had to say.
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
      for (const look of looks) onState(parseLook(look));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    stream.destroy();
  }
  return text.trim();
}

/** One look: the local addresses that listen on the port, a line each, as the kernel writes them. */
export function parseLook(look: string): Listening {
  const addresses = look.split("\n").filter((line) => /^[0-9A-F]{8}(?:[0-9A-F]{24})?$/.test(line));
  if (addresses.length === 0) return "nowhere";
  return addresses.every(isLoopback) ? "loopback" : "reachable";
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
  return await askStream("start the probe", start, { signal });
}
