// Reads the responses of the API, and describes failed requests.

import { z } from "zod";
import { reasonOf } from "@slipway/setup";
import { CommandError, exitCodes } from "./command-error.ts";

const tooManyRequests = 429;

const problem = z.object({
  error: z.string().optional(),
  errors: z.record(z.string(), z.array(z.string())).optional(),
});

/** Reads a response's body. Throws CommandError when the request failed, or when the body does not match the schema. */
export async function readAnswer<Schema extends z.ZodType>(
  response: Response,
  what: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  if (!response.ok) throw await refusalOf(response, what);
  return readJson(await textOf(response, what), what, schema);
}

/** A response's body. Throws CommandError when the connection is lost before its end. */
async function textOf(response: Response, what: string): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    throw new CommandError(
      `The response to ${what} ended before its end: ${reasonOf(error)}. Check that Slipway runs.`,
      exitCodes.unreachable,
    );
  }
}

/** The error of a request that failed. */
export async function refusalOf(response: Response, what: string): Promise<CommandError> {
  const { status } = response;
  const code = status === 401 ? exitCodes.notSignedIn : exitCodes.failure;
  const reason = problemText(status, await textOf(response, what));
  return new CommandError(
    `The API answered ${what} with ${reason}`,
    code,
    status >= 500 || status === tooManyRequests,
  );
}

/** Reads JSON from the API. Throws CommandError when it does not match the schema. */
export function readJson<Schema extends z.ZodType>(
  text: string,
  what: string,
  schema: Schema,
): z.output<Schema> {
  const { success, data, error } = schema.safeParse(parseJson(text));
  if (success) return data;
  throw new CommandError(
    `The API answered ${what} with an unknown body: check that it is a Slipway of this version.\n${z.prettifyError(error)}`,
  );
}

/** The status with the API's error message. */
export function problemText(status: number, text: string): string {
  const { data } = problem.safeParse(parseJson(text));
  const fields = Object.entries(data?.errors ?? {}).map(([name, reasons]) => `${name} ${reasons.join(", ")}`);
  const reason = fields.length > 0 ? fields.join("; ") : (data?.error ?? text);
  return `${status}: ${reason}`;
}

/** The parsed JSON. Undefined for an empty body and for a body that is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
