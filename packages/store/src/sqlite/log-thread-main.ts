// The program of the thread that appends log chunks, on its own connection. See log-thread.ts.

import { parentPort, workerData } from "node:worker_threads";
import { toSlipwayError } from "@slipway/core";
import type { ErrorCode, LogChunk } from "@slipway/core";
import { appendChunk } from "./append-chunk.ts";
import { Database } from "./database.ts";
import type { DatabaseOptions } from "./database.ts";

export type ThreadData = DatabaseOptions;

/** "end" ends the thread after it has answered all earlier orders. */
export type ThreadOrder = { readonly id: number; readonly chunk: LogChunk } | "end";

export type ThreadAnswer = { readonly id: number } & (
  | { readonly stored: boolean }
  | { readonly code: ErrorCode; readonly message: string }
);

if (parentPort === null) throw new Error("log-thread-main.ts is the program of a thread");
const port = parentPort;
const unanswered = new Set<Promise<void>>();
let opening: Promise<Database> | undefined;

port.on("message", (order: ThreadOrder) => {
  const handling = order === "end" ? end() : answer(order.id, order.chunk);
  unanswered.add(handling);
  handling
    .finally(() => unanswered.delete(handling))
    .catch((error: unknown) => {
      // Ends the thread with the error, which its starter receives.
      setImmediate(() => {
        throw error;
      });
    });
});

/** Answers with a failure instead of rejecting. */
async function answer(id: number, chunk: LogChunk): Promise<void> {
  try {
    const database = await opened();
    const stored = await database.write((transaction) => appendChunk(transaction, chunk));
    port.postMessage({ id, stored } satisfies ThreadAnswer);
  } catch (error) {
    const { code, message } = toSlipwayError(error);
    port.postMessage({ id, code, message } satisfies ThreadAnswer);
  }
}

/** Opens the database once. A failure is thrown to the caller; the next call tries again. */
function opened(): Promise<Database> {
  opening ??= Database.open(workerData as ThreadData).catch((error: unknown) => {
    opening = undefined;
    throw error;
  });
  return opening;
}

async function end(): Promise<void> {
  await Promise.all(unanswered);
  const database = await opening?.catch(() => undefined);
  await database?.[Symbol.asyncDispose]();
  port.close();
}
