// Records unhandled rejections, for tests.

import { setImmediate as nextTurn } from "node:timers/promises";

/** The unhandled rejections of the action: the process learns of them one turn of its event loop later. */
export async function unhandledRejections(action: () => void): Promise<unknown[]> {
  const found: unknown[] = [];
  const others = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", (reason) => found.push(reason));
  try {
    action();
    await nextTurn();
    return found;
  } finally {
    process.removeAllListeners("unhandledRejection");
    for (const listener of others) process.on("unhandledRejection", listener);
  }
}
