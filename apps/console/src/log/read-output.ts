// Reads a deployment's log so far into a buffer, as it arrives.

import { apiUrl, send } from "../api/client.ts";
import { appPath } from "../api/queries.ts";
import type { LogBuffer } from "./log-buffer.ts";

const time = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) /;

/** Appends the lines, with their times unless the API is too old to send them. @throws {ApiError} */
export async function readOutput(
  deployment: { readonly app: string; readonly id: string },
  buffer: LogBuffer,
  signal: AbortSignal,
): Promise<void> {
  const output = `/deployments/${encodeURIComponent(deployment.id)}/output?timestamps=1`;
  const headers = { accept: "text/plain" };
  const response = await send(apiUrl(appPath(deployment.app, output)), { headers, signal });
  let rest = "";
  let seq = 1;
  const add = (lines: string[]) => {
    buffer.append(
      seq,
      lines.map((line) => line.replace(time, "")),
      lines.map(timeOf),
    );
    seq += lines.length;
  };
  const text = response.body?.pipeThrough(new TextDecoderStream());
  if (text === undefined) return;
  const reader = text.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    if (lines.length > 0) add(lines);
  }
  if (rest !== "") add([rest]);
}

function timeOf(line: string): number {
  const found = time.exec(line)?.[1];
  return found === undefined ? Number.NaN : Date.parse(found);
}
