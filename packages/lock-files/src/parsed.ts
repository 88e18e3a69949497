// Parses files of apps, which may have any content.

import { parse } from "yaml";

/** A larger file takes too long to parse. */
export const maxYamlLength = 2 * 1024 ** 2;

/** @returns undefined when it cannot be parsed: the package manager itself reports why. */
export function parsed(text: string, read: (text: string) => unknown): unknown {
  try {
    return read(text);
  } catch {
    return undefined;
  }
}

/** @returns undefined for text that is too long, or not YAML. The text of bun.lock is YAML, too. */
export function yamlOf(text: string): unknown {
  if (text.length > maxYamlLength) return undefined;
  // With uniqueKeys each key would be compared with all others: minutes for a long file.
  return parsed(
    text,
    (yaml) => parse(yaml, { maxAliasCount: 0, logLevel: "error", uniqueKeys: false }) as unknown,
  );
}
