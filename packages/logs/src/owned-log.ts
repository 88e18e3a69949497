// A log in Redis as written by one attempt: the attempt takes over the log, and from then on only it can append.

import { appChannel, loadScript, runScript } from "@slipway/bus";
import type { Bus } from "@slipway/bus";
import type { LogMessage } from "@slipway/protocol";
import type { LineBatch } from "./tail.ts";

const takeOverScript = loadScript("takeOverLog", new URL("lua/take-over-log.lua", import.meta.url), 2);
const appendScript = loadScript("appendToLog", new URL("lua/append-to-log.lua", import.meta.url), 2);

/** Results instead of a line number, see lua/log.lua. */
export const rejected = { stale: -1, gap: -2 } as const;

export interface OwnedLogOptions {
  readonly bus: Bus;
  readonly appId: string;
  readonly deploymentId: string;
  readonly attempt: number;
}

export interface OwnedLog {
  /**
   * Makes the attempt the log's only writer. Its lines start after the log's last line, as it was before the first append.
   * @param storedSeq number of the last line in the store. @returns the number of the log's last line, or `rejected.stale`.
   */
  takeOver(storedSeq: number): Promise<number>;
  /**
   * Appends a batch, publishes it to followers, and removes batches that begin before line `trimBefore`; 0 removes nothing.
   * It may be repeated. @returns the number of the log's last line, or one of `rejected`.
   */
  append(batch: LineBatch, trimBefore: number): Promise<number>;
  /** Sets the expiry of the log. */
  expire(seconds: number): Promise<void>;
}

/** Opens a deployment's log in Redis for one attempt. */
export function ownedLog({ bus, appId, deploymentId, attempt }: OwnedLogOptions): OwnedLog {
  const { redis, keys } = bus;
  const logKeys = [keys.logHead(deploymentId), keys.logTail(deploymentId)];
  const channel = appChannel(appId).name(keys);
  let startsAfter = 0;
  let hasAppended = false;
  return {
    async takeOver(storedSeq) {
      const values = [attempt, storedSeq, hasAppended ? startsAfter : ""];
      const lastSeq = Number(await runScript(redis, takeOverScript, logKeys, values));
      if (!hasAppended && lastSeq !== rejected.stale) startsAfter = lastSeq;
      return lastSeq;
    },
    async append({ firstSeq, lineCount, text, at }, trimBefore) {
      const time = at === undefined ? {} : { at: at.getTime() };
      hasAppended = true;
      const writer = { attempt, startsAfter };
      const message: LogMessage = { type: "log", deploymentId, firstSeq, text, ...time, ...writer };
      const values = [attempt, firstSeq, lineCount, channel, JSON.stringify(message), trimBefore];
      return Number(await runScript(redis, appendScript, logKeys, values));
    },
    async expire(seconds) {
      await Promise.all(logKeys.map((key) => redis.expire(key, seconds)));
    },
  };
}
