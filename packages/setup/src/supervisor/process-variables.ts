// Selects the environment variables that one process gets: the settings of its schema, and what Node.js itself reads.

import { settingsRead } from "./settings-read.ts";

/** What runtime, time zone, locale and proxies of every process depend on. */
const ofRuntime = /^(?:NODE_|UV_|TZ$|LANG$|LANGUAGE$|LC_|MALLOC_|(?:HTTP|HTTPS|NO|ALL)_PROXY$)/i;

/** @returns the variables that the process may have. No other secret of the installation reaches it. */
export function variablesFor(
  kind: keyof typeof settingsRead,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const settings = new Set<string>(settingsRead[kind]);
  const kept = Object.entries(environment).filter(([name]) => settings.has(name) || ofRuntime.test(name));
  return Object.fromEntries(kept.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
