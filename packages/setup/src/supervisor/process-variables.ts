// Selects the environment variables that one process gets: the settings of its schema, and what Node.js itself reads.

import { settingsRead } from "./settings-read.ts";

/** What runtime, time zone, locale and proxies of every process depend on. */
const ofRuntime = /^(?:NODE_|UV_|TZ$|LANG$|LANGUAGE$|LC_|MALLOC_|(?:HTTP|HTTPS|NO|ALL)_PROXY$)/i;

/**
 * @returns the variables that the process may have. No other secret of the installation reaches it. A setting with a value for
 * this kind of process, such as REDIS_URL_ROUTER, has that value.
 */
export function variablesFor(
  kind: keyof typeof settingsRead,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const settings = new Set<string>(settingsRead[kind]);
  const kept = Object.entries(environment).filter(([name]) => settings.has(name) || ofRuntime.test(name));
  const own = kept.map(([name, value]) => [name, environment[`${name}_${kind.toUpperCase()}`] ?? value]);
  return Object.fromEntries(own.filter(([, value]) => value !== undefined)) as Record<string, string>;
}
