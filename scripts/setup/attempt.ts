// One step of several, none of which may keep the others from being done.
import { errorText } from "./setup-error.ts";

/**
 * Does `work`. A failure becomes a line of `left`, behind the name of what it is about. Never rejects.
 * @returns whether it was done.
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
