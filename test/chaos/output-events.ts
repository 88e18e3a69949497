// A follower of one deployment by Server-Sent Events. It collects the lines, and drops lines that were replaced.

import { createHash } from "node:crypto";
import type { SlipwayUnderTest } from "./slipway.ts";

interface LogSummary {
  readonly lineCount: number;
  readonly sha256: string;
}

export class OutputEvents {
  readonly lines: string[] = [];
  /** The summary of the whole log, from the stream's last event. */
  readonly ended: Promise<LogSummary>;
  #received = Promise.withResolvers<void>();

  constructor(slipway: SlipwayUnderTest, deploymentId: string) {
    this.ended = this.#read(slipway, deploymentId);
  }

  /** The summary of the client's lines, in the format of the log's end event. */
  get summary(): LogSummary {
    const text = this.lines.map((line) => `${line}\n`).join("");
    return { lineCount: this.lines.length, sha256: createHash("sha256").update(text).digest("hex") };
  }

  async until(isWanted: (lines: readonly string[]) => boolean): Promise<void> {
    while (!isWanted(this.lines)) await this.#received.promise;
  }

  async #read(slipway: SlipwayUnderTest, deploymentId: string): Promise<LogSummary> {
    const response = await slipway.request("GET", `/v1/deployments/${deploymentId}/output?follow=1`);
    let text = "";
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const messages = `${text}${chunk}`.split("\n\n");
      text = messages.pop() ?? "";
      for (const message of messages) {
        const [, event = "", json = ""] = /^event: (.*)\ndata: (.*)$/m.exec(message) ?? [];
        if (event === "end") return JSON.parse(json) as LogSummary;
        this.#apply(event, json);
      }
      this.#received.resolve();
      this.#received = Promise.withResolvers();
    }
    throw new Error("the stream of events closed before the end of the deployment");
  }

  #apply(event: string, json: string): void {
    if (event === "log") this.lines.push(...(JSON.parse(json) as { lines: string[] }).lines);
    if (event === "rewind") this.lines.length = (JSON.parse(json) as { afterSeq: number }).afterSeq;
  }
}
