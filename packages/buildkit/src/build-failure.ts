// Turns the reason of a failed build into an error for its author.

import { SlipwayError } from "@slipway/core";
import type { Vertex } from "./trace.ts";

const wrappers = [
  /^failed to solve(?: with frontend [\w.]+)?: /,
  /^failed to create LLB definition: /,
  /^failed to compute cache key: /,
  /^failed to load cache key: /,
  /^rpc error: code = \w+ desc = /,
];
const quoted = /"(?:[^"\\]|\\.)*"/g;
const killed = 137;

/** @param message the engine's message. @param step the failed step; null when none began. */
export function buildFailure(message: string, step: Vertex | null): SlipwayError {
  const reason = unwrapped(message);
  const exitCode = /exit code: (\d+)$/.exec(reason)?.[1];
  // The engine's message quotes commands and paths, so it is searched only without an exit code: a command that failed to write has one.
  if (exitCode === undefined && /no space left on device/.test(reason.replaceAll(quoted, '""')))
    return new SlipwayError("engine-unavailable", `the disk of the build engine is full: ${reason}`);
  if (step === null) return failed(`the Dockerfile cannot be built: ${reason}`);
  const name = step.name.replaceAll(/\s*\n\s*/g, " ");
  if (exitCode === undefined) return failed(`the step ${name} failed: ${reason}`);
  const hint = Number(exitCode) === killed ? ", as of a process that was killed, mostly for its memory" : "";
  return failed(`the step ${name} failed with exit code ${exitCode}${hint}`);
}

function unwrapped(message: string): string {
  const wrapper = wrappers.find((one) => one.test(message));
  return wrapper === undefined ? message : unwrapped(message.replace(wrapper, ""));
}

function failed(message: string): SlipwayError {
  return new SlipwayError("build-failed", message);
}
