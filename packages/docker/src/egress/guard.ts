// The guard of an engine: a small container in the network namespace of the engine's host, which sets the egress rules.
//
// The engine starts the guard when it starts itself, so the rules are set again after a restart of the host, and a running guard proves
// that the host has not restarted since it set them.

import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { retry } from "@slipway/async";
import { label, SlipwayError } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine, engineError, requestStream, statusOf } from "../client.ts";
import { removeContainer } from "../containers.ts";
import { createDeframer } from "../frames.ts";
import { guardScript, rulesSet } from "./guard-script.ts";
import { type EgressRules, renderRules } from "./rules.ts";

/** Value of the label `kind` of guards. */
export const guardKind = "guard";
const digestLabel = "io.slipway.guard";
const stateLimitMs = 30_000;
const memoryBytes = 64 * 1024 ** 2;

export interface GuardOptions {
  readonly installationId: string;
  /** Image with nftables, which must be present on the engine. */
  readonly image: string;
  readonly rules: EgressRules;
}

/** A guard that has set its rules. Each start has another time. */
export interface Guard {
  readonly id: string;
  readonly startedAt: string;
}

/**
 * Starts the guard unless it runs, and waits until it has set the rules. Replaces a guard with other rules, which apply until then.
 * @throws {SlipwayError} "configuration-invalid" when the host rejects the rules, "engine-unavailable".
 */
export async function ensureGuard(docker: Docker, options: GuardOptions): Promise<Guard> {
  const config = guardConfig(options);
  const ensure = async (): Promise<Guard> => {
    const found = await inspectGuard(docker, config.name);
    if (found !== null && found.Config.Labels[digestLabel] === config.Labels[digestLabel])
      return await startedGuard(docker, found.Id);
    if (found !== null) await removeContainer(docker, found.Id);
    const { id } = await callEngine("create the egress guard", () => docker.createContainer(config));
    return await startedGuard(docker, id);
  };
  // While another worker creates or removes the guard, its name is taken but it cannot be found, yet or any more.
  return await retry(ensure, {
    limitMs: stateLimitMs,
    isRetryable: (error) => [404, 409].includes(statusOf(error) ?? 0),
  });
}

/** Restarts a stopped guard of an installation with its existing rules. @returns false when there is none. */
export async function restartGuard(docker: Docker, installationId: string): Promise<boolean> {
  const found = await inspectGuard(docker, guardName(installationId));
  if (found === null) return false;
  if (!found.State.Running) await startedGuard(docker, found.Id);
  return true;
}

/** Removes an installation's guard and its rules, if it has one. */
export async function removeGuardOf(docker: Docker, installationId: string): Promise<void> {
  const found = await inspectGuard(docker, guardName(installationId));
  if (found !== null) await removeGuard(docker, found.Id);
}

/** Withdraws the rules of a guard and removes it. */
export async function removeGuard(docker: Docker, id: string): Promise<void> {
  try {
    await startedGuard(docker, id);
    await callEngine("withdraw the rules", () => docker.getContainer(id).kill({ signal: "SIGUSR1" }));
    await callEngine("wait for the guard", () => docker.getContainer(id).wait(), { limitMs: stateLimitMs });
  } catch (error) {
    if (statusOf(error) === 404) return;
    // A guard that cannot set rules has none to withdraw.
    if (!(error instanceof SlipwayError && error.code === "configuration-invalid")) throw error;
  }
  await removeContainer(docker, id);
}

function guardName(installationId: string): string {
  return `slipway-${installationId}-guard`;
}

async function inspectGuard(docker: Docker, name: string): Promise<Docker.ContainerInspectInfo | null> {
  try {
    return await callEngine("inspect the guard", () => docker.getContainer(name).inspect());
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

async function startedGuard(docker: Docker, id: string): Promise<Guard> {
  const container = docker.getContainer(id);
  const { State: former } = await callEngine("inspect the guard", () => container.inspect());
  await callEngine("start the guard", async () => {
    try {
      await container.start();
    } catch (error) {
      if (statusOf(error) !== 304) throw error; // It runs.
    }
  });
  const { State } = await callEngine("inspect the guard", () => container.inspect());
  await untilRulesSet(docker, id, secondsOf(former.FinishedAt));
  return { id, startedAt: State.StartedAt };
}

/** @param time when the engine saw the previous process end; in the year 1 when there was none. */
function secondsOf(time: string): string {
  return `${Math.max(0, Date.parse(time) / 1000)}`;
}

/**
 * Reads the guard's log until it has set the rules.
 * @param since in seconds since 1970: the end of the previous process. The start of this process would be too late: on a busy host the
 * engine records it after the process has written its first lines.
 */
async function untilRulesSet(docker: Docker, id: string, since: string): Promise<void> {
  const withSince = { follow: true, stdout: true, stderr: true, since } as const;
  // Without `since`, whose type in dockerode is a number, which would lose its fraction.
  const options: Omit<typeof withSince, "since"> = withSince;
  const open = () => docker.getContainer(id).logs(options) as Promise<Readable>;
  const log = await requestStream("read the guard's log", open);
  using _timeout = setTimeout(() => log.destroy(new Error("the guard did not answer in time")), stateLimitMs);
  const deframe = createDeframer();
  let text = "";
  try {
    for await (const chunk of log as AsyncIterable<Uint8Array>) {
      text += Buffer.from(deframe(chunk)).toString();
      if (text.split("\n").includes(rulesSet)) return;
    }
  } catch (error) {
    throw engineError("read the guard's log", error);
  } finally {
    log.destroy();
  }
  throw refusedRules(text);
}

function refusedRules(text: string): SlipwayError {
  const reason = text.trim().slice(-1000) || "it wrote no reason";
  const advice = /not found/.test(reason)
    ? "use a stack image with the package nftables"
    : "check that the kernel of the engine's host has nf_tables";
  return new SlipwayError(
    "configuration-invalid",
    `the egress rules of builds and releases cannot be set on the engine's host (${reason}): ${advice}, or set EGRESS=open to run without them`,
  );
}

function guardConfig({ installationId, image, rules }: GuardOptions) {
  const command = [guardScript, "guard", renderRules(rules), rules.table];
  const digest = createHash("sha256")
    .update(JSON.stringify([image, command]))
    .digest("hex");
  return {
    name: guardName(installationId),
    Image: image,
    Entrypoint: ["/bin/sh", "-c"],
    Cmd: command,
    User: "0:0",
    WorkingDir: "/",
    Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
    Labels: { [label.installation]: installationId, [label.kind]: guardKind, [digestLabel]: digest },
    Tty: false,
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      NetworkMode: "host",
      // Otherwise engines with user namespaces refuse the host's network.
      UsernsMode: "host",
      CapDrop: ["ALL"],
      CapAdd: ["NET_ADMIN"],
      SecurityOpt: ["no-new-privileges"],
      ReadonlyRootfs: true,
      PidsLimit: 16,
      Memory: memoryBytes,
      MemorySwap: memoryBytes,
      LogConfig: { Type: "json-file", Config: { "max-size": "1m", "max-file": "1" } },
      RestartPolicy: { Name: "unless-stopped" },
    },
  } satisfies Docker.ContainerCreateOptions;
}
