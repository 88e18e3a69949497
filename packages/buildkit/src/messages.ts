// Reads an engine's response to a build or a push: one JSON object per line.

import type { Readable } from "node:stream";

export interface EngineMessage {
  readonly id?: string;
  readonly aux?: unknown;
  readonly error?: string;
}

/** Yields each JSON object of the response. A build step may be silent for a long time. */
export async function* messagesOf(response: Readable): AsyncGenerator<EngineMessage> {
  let partial = "";
  response.setEncoding("utf8");
  for await (const chunk of response as AsyncIterable<string>) {
    const lines = (partial + chunk).split("\n");
    partial = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield JSON.parse(line) as EngineMessage;
  }
  if (partial.trim() !== "") yield JSON.parse(partial) as EngineMessage;
}
