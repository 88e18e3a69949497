// Waits until the app in a container listens: by connecting where that is possible, and with a probe inside the container.

import { elapsed } from "@slipway/async";
import { statusOf } from "@slipway/docker";
import type Docker from "dockerode";
import { type Listening, notListening, watchListening } from "../listening.ts";
import { hostOnBridge, type LocalBridge, untilAccepts } from "./direct-connection.ts";

/**
 * Delay of the probe inside the container if connecting is possible. The probe takes longer than most apps need to boot, but explains
 * why an app does not listen, and detects an app whose connections a packet filter of this machine drops.
 */
const lookAfterMs = 1_000;
const lookRetryMs = 250;

/** The probe's findings so far. */
export interface Findings {
  listening: Listening;
  /** Error of the probe; "" without one. */
  failure: string;
  /** Settles when the first probe has ended, or has failed. */
  readonly looked: PromiseWithResolvers<void>;
}

export interface ListeningOptions {
  /** Null when this process cannot connect to the container. */
  readonly bridge: LocalBridge | null;
  /** The app's port. */
  readonly port: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export function noFindings(): Findings {
  return { listening: notListening, failure: "", looked: Promise.withResolvers() };
}

/**
 * Resolves when the app is reachable, otherwise never. The call that waits for the container's exit reports failures of the
 * engine.
 * @param findings is updated while the probe runs.
 */
export async function untilListening(
  docker: Docker,
  id: string,
  { bridge, port, timeoutMs, signal }: ListeningOptions,
  findings: Findings,
): Promise<"listening"> {
  const host = bridge === null ? null : await hostOf(docker, id, bridge, findings, signal);
  const reached = Promise.withResolvers<"listening">();
  const connecting = async (): Promise<void> => {
    if (host !== null && (await untilAccepts({ host, port }, signal))) reached.resolve("listening");
  };
  const looking = async (): Promise<void> => {
    // Early enough to explain a time-out.
    if (host !== null && !(await elapsed(Math.min(lookAfterMs, timeoutMs / 2), signal))) return;
    await lookInside(docker, id, { port, timeoutMs, signal }, findings);
    if (findings.listening.reach === "reachable") reached.resolve("listening");
  };
  return await Promise.race([
    reached.promise,
    Promise.all([connecting(), looking()]).then(() => reached.promise),
  ]);
}

/** Null after an error too: then only the probe inside the container can detect the app. */
async function hostOf(
  docker: Docker,
  id: string,
  bridge: LocalBridge,
  findings: Findings,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    return await hostOnBridge(docker, id, bridge, signal);
  } catch (error) {
    findings.failure = messageOf(error);
    return null;
  }
}

/** Returns when the app is reachable, or when the signal is aborted. */
async function lookInside(
  docker: Docker,
  id: string,
  { port, timeoutMs, signal }: Omit<ListeningOptions, "bridge">,
  findings: Findings,
): Promise<void> {
  const found = new AbortController();
  const onState = (state: Listening): void => {
    findings.listening = state;
    findings.looked.resolve();
    if (state.reach === "reachable") found.abort();
  };
  const over = AbortSignal.any([signal, found.signal]);
  while (!over.aborted) {
    try {
      findings.failure = await watchListening(docker, id, port, timeoutMs, onState, over);
    } catch (error) {
      findings.failure = messageOf(error);
    }
    findings.looked.resolve();
    await elapsed(lookRetryMs, over);
  }
}

/** A message for the app's owner, without the engine's own message. */
function messageOf(error: unknown): string {
  // The container has ended, or is being killed.
  if ([404, 409].includes(statusOf(error) ?? 0)) return "";
  return "the engine did not run the probe";
}
