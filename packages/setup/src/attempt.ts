// Runs one of several steps, so that its failure does not prevent the others.

import { errorText } from "./setup-error.ts";

/**
 * Runs `work`. A failure is appended to `left`, prefixed with `what`. Never rejects.
 * @returns whether `work` succeeded.
 */
export async function attempt(left: string[], what: string, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    left.push(`${what}: ${errorText(error)}`);
    return false;
  }
}
