// Reads a deployment's log so far into a buffer, as it arrives.

import { apiUrl, send } from "../api/client.ts";
import { appPath } from "../api/queries.ts";
import type { LogBuffer } from "./log-buffer.ts";

const time = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) /;

/** Appends the lines, with their times if the API sends them. @throws {ApiError} */
export async function readOutput(
  deployment: { readonly app: string; readonly id: string },
  buffer: LogBuffer,
  options: { readonly signal: AbortSignal; readonly withTimes: boolean },
): Promise<void> {
  const query = options.withTimes ? "?timestamps=1" : "";
  const path = appPath(deployment.app, `/deployments/${encodeURIComponent(deployment.id)}/output${query}`);
  const response = await send(apiUrl(path), { headers: { accept: "text/plain" }, signal: options.signal });
  let rest = "";
  let seq = 1;
  const add = (lines: string[]) => {
    const times = options.withTimes ? lines.map(timeOf) : Number.NaN;
    buffer.append(seq, options.withTimes ? lines.map((line) => line.replace(time, "")) : lines, times);
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
