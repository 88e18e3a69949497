// One request for a deployment's log as Server-Sent Events, which the API sends from the first line, however long ago the deployment
// ended.

import { logEvent, rewindEvent, statusEvent } from "@slipway/protocol";
import { reasonOf } from "@slipway/setup";
import type { ApiClient } from "./api-client.ts";
import { CommandError, exitCodes } from "./command-error.ts";
import { readJson, refusalOf } from "./responses.ts";
import type { SeenFrames } from "./seen-frames.ts";

export interface OutputOptions {
  readonly api: Pick<ApiClient, "request">;
  readonly app: string;
  readonly deploymentId: string;
  readonly signal: AbortSignal;
}

const lines = logEvent.pick({ lines: true });
const rewind = rewindEvent.pick({ afterSeq: true });
const status = statusEvent.pick({ status: true });

/**
 * Shows the events that the API sends, until the final status.
 * @returns why the response ended, as a sentence.
 * @throws {CommandError} when the API rejects the request, or the connection is lost.
 */
export async function readOutput(options: OutputOptions, seen: SeenFrames): Promise<string> {
  const { api, app, deploymentId: id, signal } = options;
  const path = `/apps/${app}/deployments/${id}/output?follow=1`;
  const response = await api.request("GET", path, undefined, signal);
  if (!response.ok) throw await refusalOf(response, path);
  seen.connected();
  for await (const { name, data } of eventsOf(response)) {
    if (name === "log") {
      for (const content of readJson(data, path, lines).lines)
        seen.receive({ type: "log", id, data: { content } });
    } else if (name === "rewind") seen.receive({ type: "rewind", id, data: readJson(data, path, rewind) });
    else if (name === "status") seen.receive({ type: "status", id, data: readJson(data, path, status) });
    if (seen.finalStatus !== undefined) break;
  }
  return `The API ended the log of deployment ${id} before the deployment's end.`;
}

interface ServerSentEvent {
  readonly name: string;
  readonly data: string;
}

/** The events of a response, each with its data on one line. Comments are omitted. */
async function* eventsOf(response: Response): AsyncGenerator<ServerSentEvent> {
  let rest = "";
  for await (const text of textOf(response)) {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const [, name] = /^event: (.*)$/m.exec(block) ?? [];
      const [, data] = /^data: (.*)$/m.exec(block) ?? [];
      if (name !== undefined && data !== undefined) yield { name, data };
    }
  }
}

async function* textOf({ body }: Response): AsyncGenerator<string> {
  if (body === null) return;
  const decoder = new TextDecoder();
  try {
    for await (const bytes of body) yield decoder.decode(bytes, { stream: true });
  } catch (error) {
    throw new CommandError(
      `The API cut the log: ${reasonOf(error)}. Check that Slipway runs.`,
      exitCodes.unreachable,
    );
  }
}
