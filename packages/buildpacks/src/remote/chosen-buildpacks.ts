// The buildpacks that a user chose by URL: in the variable BUILDPACK_URL, or in the file .buildpacks of the source.

import { SlipwayError } from "@slipway/core";
import { type BuildpackUrl, parseBuildpackUrl } from "./buildpack-url.ts";

export interface BuildpackChoice {
  readonly variables: Readonly<Record<string, string>>;
  /** Content of .buildpacks. Null when the source has no such file; "unreadable" when it is a link, a folder or too large. */
  readonly file: Buffer | "unreadable" | null;
}

const maxBuildpacks = 20;
/** Buildpacks of Heroku and Scalingo that only fetch and run those of .buildpacks, as Slipway does itself. */
const multi = /^(heroku-)?(buildpack-multi|multi-buildpack|buildpack-compose)$/;

/**
 * BUILDPACK_URL takes precedence over the file, unless it names a buildpack that runs those of the file. The file has one URL a line, with comments after #.
 * @returns the buildpacks in the order in which they run; null when none was chosen by URL.
 * @throws {SlipwayError} "no-buildpack" with the variable or the line that is wrong.
 */
export function chosenBuildpacks({ variables, file }: BuildpackChoice): readonly BuildpackUrl[] | null {
  const single = variables["BUILDPACK_URL"]?.trim() ?? "";
  const one = single === "" ? null : parseBuildpackUrl(single, "BUILDPACK_URL");
  if (one !== null && !(file !== null && multi.test(one.name))) return [one];
  if (file === null) return null;
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
      : [parseBuildpackUrl(text, `Line ${index + 1} of .buildpacks`)];
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
