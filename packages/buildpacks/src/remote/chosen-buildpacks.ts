// The buildpacks that a user selected by URL or by a name in the operator's catalogue: in the variable BUILDPACK_URL, in the source's
// file .buildpacks, or in BUILDPACK_NAME.

import { SlipwayError } from "@slipway/core";
import { type BuildpackUrl, parseBuildpackUrl } from "./buildpack-url.ts";
import { type BuildpackCatalogue, checkStack } from "./catalogue.ts";

export interface BuildpackChoice {
  readonly variables: Readonly<Record<string, string>>;
  /** Content of .buildpacks. Null when the source has no such file; "unreadable" when it is a link, a folder or too large. */
  readonly file: Buffer | "unreadable" | null;
  readonly catalogue: BuildpackCatalogue;
  /** Name of the app's stack. */
  readonly stack: string;
}

const maxBuildpacks = 20;
/** Buildpacks of Heroku and Scalingo that only fetch and run those listed in .buildpacks, which Slipway does itself. */
const multi = /^(heroku-)?(buildpack-multi|multi-buildpack|buildpack-compose)$/;

/**
 * BUILDPACK_URL takes precedence over the file, unless it is a buildpack that runs those listed in the file; both take precedence over
 * BUILDPACK_NAME. The file has one URL or name per line, with comments after #.
 * @returns the buildpacks in the order in which they run; null when none was selected so. BUILDPACK_NAME may still name a bundled one.
 * @throws {SlipwayError} "no-buildpack" with the invalid variable or line.
 */
export function chosenBuildpacks(choice: BuildpackChoice): readonly BuildpackUrl[] | null {
  const { variables, file } = choice;
  const single = variables["BUILDPACK_URL"]?.trim() ?? "";
  const one = single === "" ? null : urlOf(choice, single, "BUILDPACK_URL");
  if (one !== null && !(file !== null && multi.test(one.name))) return [one];
  if (file === null) {
    const named = inCatalogue(choice, variables["BUILDPACK_NAME"] ?? "");
    return named === null ? null : [named];
  }
  if (file === "unreadable")
    throw new SlipwayError("no-buildpack", "The source's .buildpacks is not a text file of at most 64 KiB.");
  const lines = file
    .toString("utf8")
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/);
  const chosen = lines.flatMap((line, index) => {
    const text = line.trim();
    return text === "" || text.startsWith("#")
      ? []
      : [urlOf(choice, text, `Line ${index + 1} of .buildpacks`)];
  });
  if (chosen.length === 0)
    throw new SlipwayError(
      "no-buildpack",
      "The source's .buildpacks lists no buildpack. Write the URL of one on each line, or delete the file.",
    );
  if (chosen.length > maxBuildpacks)
    throw new SlipwayError(
      "no-buildpack",
      `The source's .buildpacks lists more than ${maxBuildpacks} buildpacks.`,
    );
  return chosen;
}

function urlOf(choice: BuildpackChoice, text: string, where: string): BuildpackUrl {
  return inCatalogue(choice, text) ?? parseBuildpackUrl(text, where);
}

function inCatalogue({ catalogue, stack }: BuildpackChoice, text: string): BuildpackUrl | null {
  const found = catalogue.find(({ name }) => name === text);
  if (found === undefined) return null;
  checkStack(found, stack);
  return found.url;
}
