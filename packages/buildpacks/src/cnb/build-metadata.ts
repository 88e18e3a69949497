// Reads the buildpacks and the processes of an image of Cloud Native Buildpacks from its labels.

import { SlipwayError } from "@slipway/core";
import type { ImageStart } from "@slipway/core";
import { fieldOf, stringOf, stringsOf, type Table, tableOf, tablesOf } from "../documents.ts";
import { cnbLauncher } from "./lifecycle.ts";

export interface CnbProcesses {
  /** Process type → command, for display; always with a `web`. */
  readonly processTypes: Readonly<Record<string, string>>;
  readonly imageStart: ImageStart;
  /** The buildpacks that took part in the build, in order: `ID@VERSION`. */
  readonly buildpacks: readonly string[];
}

const metadataLabel = "io.buildpacks.build.metadata";

/**
 * `web` is the process type of this name, or else the image's default one, or else the Procfile's command in the launcher's shell.
 * @param procfile process types of the source's Procfile. The image contains them only if a buildpack added them.
 * @throws {SlipwayError} "no-web-process" when none of these exists; "internal" for an image without metadata.
 */
export function cnbProcesses(
  labels: Readonly<Record<string, string>>,
  procfile: Readonly<Record<string, string>>,
): CnbProcesses {
  const metadata = metadataOf(labels);
  const processes = tablesOf(metadata["processes"]);
  const types = Object.fromEntries(
    processes.flatMap((process) => {
      const type = stringOf(process, "type");
      return type === "" ? [] : [[type, commandOf(process)]];
    }),
  );
  const first = "web" in types ? "web" : defaultType(processes);
  const command = first === null ? procfile["web"] : types[first];
  if (command === undefined) throw noWeb(Object.keys(types));
  return {
    processTypes: { ...procfile, ...types, web: command },
    imageStart: {
      command: first === null ? [cnbLauncher, command] : [`/cnb/process/${first}`],
      port: null,
      // The launcher runs a single argument that is no process type in a shell, with the environment of the buildpacks.
      shell: [cnbLauncher],
    },
    buildpacks: tablesOf(metadata["buildpacks"]).map(
      (each) => `${stringOf(each, "id")}@${stringOf(each, "version")}`,
    ),
  };
}

function noWeb(types: readonly string[]): SlipwayError {
  const existing = types.length === 0 ? "no buildpack defined one" : `it has ${types.join(", ")}`;
  return new SlipwayError(
    "no-web-process",
    `The image has no process type web and no default one: ${existing}. Add a Procfile to the source with a line such as "web: COMMAND", or a buildpack that defines how the app starts.`,
  );
}

function metadataOf(labels: Readonly<Record<string, string>>): Table {
  try {
    return tableOf(JSON.parse(labels[metadataLabel] ?? ""));
  } catch (error) {
    throw new SlipwayError("internal", `the lifecycle exported an image without the label ${metadataLabel}`, {
      cause: error,
    });
  }
}

function defaultType(processes: readonly Table[]): string | null {
  const found = processes.find((process) => process["default"] === true);
  return found === undefined ? null : stringOf(found, "type") || null;
}

/** Since platform API 0.10 the command is an array; before, it was a string. */
function commandOf(process: Table): string {
  const command = fieldOf(process, "command");
  const words = typeof command === "string" ? [command] : stringsOf(command);
  return [...words, ...stringsOf(process["args"])].map(quoted).join(" ");
}

/** Quotes a word for a shell. The first word of a command may itself be a shell command of several words. */
function quoted(word: string, index: number): string {
  return index === 0 || /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
