// A log as plain text: its lines, each with its time if the client requests it.

import type { Deployment } from "@slipway/core";
import { rewindNotice } from "@slipway/protocol";
import type { LineBatch } from "@slipway/logs";
import type { OutputFormat } from "./output-format.ts";

export const plainTextType = "text/plain; charset=utf-8";

/** @returns the lines of a batch, each with a newline. @param deployment its creation is the time of lines without a time. */
export function textOfBatch(
  { text, at }: LineBatch,
  { createdAt }: Pick<Deployment, "createdAt">,
  { timestamps }: { readonly timestamps: boolean },
): string {
  if (!timestamps) return `${text}\n`;
  const time = (at ?? createdAt).toISOString();
  return `${time} ${text.replaceAll("\n", `\n${time} `)}\n`;
}

/** A followed log as text. The format has no statuses and heartbeats, and always begins with the first line. */
export function plainText(
  deployment: Pick<Deployment, "createdAt">,
  options: { readonly timestamps: boolean },
): OutputFormat {
  return {
    contentType: plainTextType,
    heartbeat: "",
    parseCursor: () => ({ seq: 0, status: 0 }),
    textOf(event) {
      if (event.type === "rewind") return `${rewindNotice(event.lineCount)}\n`;
      return event.type === "log" ? textOfBatch(event.batch, deployment, options) : "";
    },
    endOf: () => "",
  };
}
