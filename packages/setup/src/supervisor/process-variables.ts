// Selects the environment variables of one process: the settings in its schema, and variables that Node.js itself reads.

import { settingsRead } from "./settings-read.ts";

/** Variables for runtime, time zone, locale and proxies, which every process gets. */
const ofRuntime = /^(?:NODE_|UV_|TZ$|LANG$|LANGUAGE$|LC_|MALLOC_|(?:HTTP|HTTPS|NO|ALL)_PROXY$)/i;

/**
 * @returns the variables that the process gets. No other secret of the installation reaches it. A setting with a separate value for
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
