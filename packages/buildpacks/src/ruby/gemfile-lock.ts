// Reads Gemfile.lock, which Bundler writes: sections with their sources and gems, indented.

import { SlipwayError } from "@slipway/core";

export interface GemfileLock {
  /** Versions by name, without the platform: nokogiri has several. */
  readonly gems: ReadonlyMap<string, string>;
  /** Whether gems are folders of the source. */
  readonly hasPathGems: boolean;
}

const section = /^([A-Z][A-Z ]*)$/;
const gem = /^ {4}([A-Za-z0-9][\w.-]*) \((\d[\w.]*)(?:-[\w.-]+)?\)!?$/;
const conflict = /^(?:<{7}|={7}|>{7})/m;

/** @throws {SlipwayError} "build-failed" for a file with a merge conflict. */
export function parseGemfileLock(text: string): GemfileLock {
  if (conflict.test(text))
    throw new SlipwayError(
      "build-failed",
      "Gemfile.lock has marks of a merge conflict. Run: bundle lock, and add the changed Gemfile.lock to the source.",
    );
  const gems = new Map<string, string>();
  let hasPathGems = false;
  for (const line of text.split(/\r?\n/)) {
    if (section.exec(line)?.[1] === "PATH") hasPathGems = true;
    const [, name, version = ""] = gem.exec(line) ?? [];
    if (name !== undefined) gems.set(name, version);
  }
  return { gems, hasPathGems };
}
