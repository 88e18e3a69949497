// A followed log as Server-Sent Events. docs/protocol.md describes the events.
// Format: https://html.spec.whatwg.org/multipage/server-sent-events.html

import type { Cursor, OutputFormat } from "./output-format.ts";

export const eventStream: OutputFormat = {
  contentType: "text/event-stream; charset=utf-8",
  heartbeat: ":\n\n",
  /** A missing or malformed id counts as the start of the log. */
  parseCursor(lastEventId) {
    const [, seq, status] = /^(\d{1,12})\.(\d{1,6})$/.exec(lastEventId ?? "") ?? [];
    return { seq: Number(seq ?? 0), status: Number(status ?? 0) };
  },
  textOf(event, cursor) {
    if (event.type === "new") return "";
    if (event.type === "phase") {
      const { type: _type, deploymentId: _id, ...facts } = event.phase;
      return message("phase", cursor, facts);
    }
    if (event.type === "status") {
      const { status, attempt, at } = event.change;
      cursor.status = event.index;
      return message("status", cursor, { status, index: event.index, attempt, at: at.toISOString() });
    }
    if (event.type === "rewind") {
      cursor.seq = event.afterSeq;
      return message("rewind", cursor, { afterSeq: event.afterSeq });
    }
    const { firstSeq: seq, lineCount, text, at } = event.batch;
    cursor.seq = seq + lineCount - 1;
    return message("log", cursor, { seq, at: at?.toISOString() ?? null, lines: text.split("\n") });
  },
  endOf({ logLineCount, logSha256: sha256 }, cursor) {
    return message("end", cursor, { lineCount: logLineCount ?? 0, sha256 });
  },
};

/** The data is one line, because JSON escapes line breaks. */
function message(event: string, { seq, status }: Cursor, data: unknown): string {
  return `id: ${seq}.${status}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
