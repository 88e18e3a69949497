// Explains to the app's developer why a release did not start, and what to do about it.

import { stripVTControlCharacters } from "node:util";
import { type DiskExcess, type RolloutSpec, SlipwayError, excessText, mebibytesText } from "@slipway/core";
import type { Listening, OtherPort } from "./listening.ts";

const outOfMemoryCode = 137;
/** 128 + SIGXFSZ */
const fileTooLargeCode = 153;
const portsShown = 4;
const maxLineChars = 200;
const portOfVariable = "the port in the variable PORT (process.env.PORT)";

const healthcheckHint =
  "Run the check in a container of the image, with the app's variables and PORT set; if the app needs longer to start, an operator can raise BOOT_TIMEOUT_MS";

/** When the process exited. */
export type ExitMoment =
  `${"before" | "right after"} ${"it listened on PORT" | "the HEALTHCHECK of its image succeeded"}`;

/** @param facts facts about the ended container */
export function appCrashed(facts: {
  readonly processType: string;
  readonly exitCode: number;
  readonly moment?: ExitMoment;
  readonly outOfMemory: boolean;
  /** The limit for which it was killed, because it wrote too much; null when it was not. */
  readonly diskFull: DiskExcess | null;
  readonly limits: Pick<RolloutSpec["limits"], "memoryBytes" | "diskBytes">;
}): SlipwayError {
  const { processType, exitCode, moment = "before it listened on PORT" } = facts;
  const ended = `the ${processType} process exited with code ${exitCode} ${moment}`;
  const explained = explain(facts);
  // Without an explanation, or with one that refers to it, the output contains the reason.
  const details = explained === "" || explained.includes("see above") ? { exitCode } : {};
  return new SlipwayError("app-crashed", `${ended}${explained}`, details);
}

function explain(facts: Omit<Parameters<typeof appCrashed>[0], "processType">): string {
  const { memoryBytes, diskBytes } = facts.limits;
  if (facts.outOfMemory) return `: it ran out of its ${mebibytesText(memoryBytes)} of memory`;
  if (facts.diskFull !== null) return `: it ${excessText(facts.diskFull, diskBytes)}`;
  if (facts.exitCode === fileTooLargeCode)
    return `: one of its files was larger than its ${mebibytesText(diskBytes)} of disk (APP_DISK_MB)`;
  if (facts.exitCode === 0) return ": it has to stay in the foreground";
  if (facts.exitCode === 126) return ": its command cannot be executed";
  if (facts.exitCode === 127) return ": a command or shared library that it needs was not found (see above)";
  if (facts.exitCode === outOfMemoryCode) return ": it was killed (SIGKILL)";
  return "";
}

function secondsOf({ bootTimeoutMs }: { readonly bootTimeoutMs: number }): number {
  return Math.round(bootTimeoutMs / 100) / 10;
}

export function bootTimedOut(facts: {
  readonly processType: string;
  readonly bootTimeoutMs: number;
  readonly port: number;
  readonly listening: Listening;
  /** Error of the probe; "" without one. */
  readonly probeFailure: string;
  /** Whether the instance may listen, and the HEALTHCHECK of its image has failed instead. */
  readonly mayBeUnhealthy?: boolean;
}): SlipwayError {
  const { processType, port, mayBeUnhealthy = false } = facts;
  const missed = `the ${processType} process did not listen on PORT (${port}) within ${secondsOf(facts)} s`;
  const other = mayBeUnhealthy ? ", or the HEALTHCHECK of its image did not succeed" : "";
  return new SlipwayError("boot-timeout", missed + other + hint(facts));
}

/** @param facts.check the latest run of the HEALTHCHECK; null when its result is not known. */
export function unhealthy(facts: {
  readonly processType: string;
  readonly bootTimeoutMs: number;
  readonly port: number;
  readonly check: {
    readonly exitCode: number | null;
    readonly exceededMs: number | null;
    readonly output: string;
  } | null;
}): SlipwayError {
  const { processType, port, check } = facts;
  const listens = `the ${processType} process listens on PORT (${port}), but the HEALTHCHECK of its image`;
  return new SlipwayError(
    "boot-timeout",
    `${listens} ${unsuccessful(check, `within ${secondsOf(facts)} s`)}`,
    {
      hint: healthcheckHint,
    },
  );
}

function unsuccessful(check: Parameters<typeof unhealthy>[0]["check"], within: string): string {
  if (check === null) return `did not succeed ${within}`;
  const { exitCode, exceededMs, output } = check;
  if (exitCode === null && exceededMs === null) return `did not end ${within}`;
  const ending =
    exceededMs === null
      ? `it exited with code ${exitCode}`
      : `it did not end within its timeout of ${exceededMs / 1000} s`;
  const lastLine = plainText(output).trimEnd().split("\n").at(-1)?.trim().slice(0, maxLineChars) ?? "";
  return `did not succeed ${within}: ${ending}${lastLine === "" ? "" : `: ${lastLine}`}`;
}

/** Without colors, other sequences for terminals, and control characters except line feeds. */
function plainText(output: string): string {
  return stripVTControlCharacters(output)
    .replaceAll(/\r\n?/g, "\n")
    .replaceAll(/[^\P{Cc}\n\t]/gu, "");
}

function hint({ port, listening, probeFailure }: Parameters<typeof bootTimedOut>[0]): string {
  if (listening.reach === "loopback")
    return ": it listens on 127.0.0.1 only, where no request reaches it; make it listen on 0.0.0.0";
  if (listening.elsewhere.length > 0) return wrongPort(port, listening.elsewhere);
  return probeFailure === "" ? "" : ` (looking from inside its container failed: ${probeFailure})`;
}

/** Reachable ports come first: a port on the loopback interface is probably a debugger's. */
function wrongPort(port: number, elsewhere: readonly OtherPort[]): string {
  const open = elsewhere.filter(({ loopback }) => !loopback);
  const ordered = [...open, ...elsewhere.filter(({ loopback }) => loopback)];
  const names = ordered.map((other) => (other.loopback ? `127.0.0.1:${other.port}` : `${other.port}`));
  const shown = names.slice(0, portsShown).join(", ");
  const more = names.length > portsShown ? ` and ${names.length - portsShown} more` : "";
  const address = open.length > 0 ? "" : "0.0.0.0 and ";
  return `: it listens on ${shown}${more}, but PORT is ${port}: make it listen on ${address}${portOfVariable}`;
}
