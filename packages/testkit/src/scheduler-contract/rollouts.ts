// Small servers for the scheduler's contract suite: their rollouts, starts and responses.

import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { vi } from "vitest";
import { type Address, label, type RolloutSpec, type Scheduler } from "@slipway/core";
import { containerPaths } from "../docker/remove-all.ts";
import { aRollout } from "../fixtures.ts";

export const never = new AbortController().signal;

interface ServeOptions {
  /** Address on which the server listens. */
  readonly address?: string;
  /** Its first line of output. */
  readonly says?: string;
  /** It continues to serve after SIGTERM; `$state`, "serving" before, is then "stopping". */
  readonly ignoresTerm?: boolean;
}

/**
 * A server that sends `answer` to each client, and exits with code 1 when a client sends "die". Perl interpolates variables in
 * the answer and in the first line of output.
 */
export function serve(
  answer: string,
  { address = "0.0.0.0", says = "about to listen", ignoresTerm = false }: ServeOptions = {},
): string {
  return `exec perl -MIO::Socket::INET -e '
    $| = 1;
    print "${says}\\n";
    my $server = IO::Socket::INET->new(
      LocalAddr => "${address}", LocalPort => $ENV{PORT}, Listen => 5, ReuseAddr => 1) or die;
    our $state = "serving";
    ${ignoresTerm ? '$SIG{TERM} = sub { $state = "stopping" };' : ""}
    while (1) {
      my $client = $server->accept or next;
      my $line = <$client>;
      exit 1 if $line =~ /die/;
      print $client "${answer}";
      close $client;
    }'`;
}

/** A rollout of a new app that runs a shell script. */
export function scriptRollout(image: string, script: string): RolloutSpec {
  return aRollout({
    appName: "contract",
    deploymentId: randomUUID(),
    image,
    command: ["bash", "-c", script],
  });
}

/** The number of the rollout's containers on an engine, in any state. */
export async function countContainers(
  dockerHost: string,
  { rolloutId }: Pick<RolloutSpec, "rolloutId">,
): Promise<number> {
  const filters = JSON.stringify({ label: [`${label.rollout}=${rolloutId}`] });
  return (await containerPaths(dockerHost, encodeURIComponent(filters))).length;
}

export async function start(scheduler: Scheduler, rollout: RolloutSpec) {
  let text = "";
  const onOutput = (bytes: Uint8Array): void => void (text += Buffer.from(bytes).toString("utf8"));
  const addresses = await scheduler.start(rollout, { signal: never, onOutput });
  return { addresses, text };
}

export async function startToFail(scheduler: Scheduler, rollout: RolloutSpec) {
  let text = "";
  const onOutput = (bytes: Uint8Array): void => void (text += Buffer.from(bytes).toString("utf8"));
  const started = scheduler.start(rollout, { signal: never, onOutput });
  const error: unknown = await started.then(
    () => null,
    (reason: unknown) => reason,
  );
  return { error, text };
}

/** Retries assertions until they pass: concurrent tests cannot use `expect.poll`. */
export async function eventually(assertions: () => Promise<void>): Promise<void> {
  await vi.waitFor(assertions, { timeout: 90_000, interval: 100 });
}

export function lines(text: string): string[] {
  return text.trimEnd().split("\n");
}

export function sendLineToAll(addresses: readonly Address[], line?: string): Promise<string[]> {
  return Promise.all(addresses.map((address) => sendLine(address, line)));
}

/** The response of the server at the address; "" when it sends none or refuses the connection. */
export function sendLine(address: Address | undefined, line = "hello"): Promise<string> {
  if (address === undefined) throw new Error("the instance has no address");
  const { host, port } = address;
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect({ host, port }, () => socket.write(`${line}\n`));
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => (answer += chunk));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => resolve(answer));
  });
}
