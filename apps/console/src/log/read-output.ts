// Reads the log that a deployment has so far into a buffer, as it arrives.

import { apiUrl, send } from "../api/client.ts";
import { appPath } from "../api/queries.ts";
import type { LogBuffer } from "./log-buffer.ts";

/** Length of the API's prefix of each line: an ISO 8601 time in milliseconds, and a space. */
const timeChars = 25;

/** Appends the lines, with their times if the API's version sends times. @throws {ApiError} */
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
    const times = lines.map(timeOf);
    const texts = lines.map((line, index) => (Number.isNaN(times[index]) ? line : line.slice(timeChars)));
    buffer.append(seq, texts, times);
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

/** When a line was written; NaN for a line without its time. */
function timeOf(line: string): number {
  return line[timeChars - 1] === " " && line[timeChars - 2] === "Z"
    ? Date.parse(line.slice(0, timeChars - 1))
    : Number.NaN;
}
