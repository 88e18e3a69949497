// Lua scripts in files, run through ioredis' defineCommand: by hash, and by text when the server does not have the script.

import { existsSync, readFileSync } from "node:fs";
import { measured } from "@slipway/telemetry";
import type { RedisConnection } from "./connect.ts";

export interface Script {
  readonly name: string;
  readonly lua: string;
  readonly numberOfKeys: number;
}

type Value = string | number;

const sharedFolder = new URL("lua/", import.meta.url);
const includeLine = /^--- @include "([a-z-]+)"$/gm;
/** The scripts that are defined as commands on each connection. */
const defined = new WeakMap<RedisConnection, Set<string>>();

/**
 * Reads a script from a file. A line `--- @include "clock"` is replaced by `clock.lua` of the script's folder, or of this package.
 * @param name unique in the process; the connection gets the script as a command of this name.
 * @throws when the file, or an included one, does not exist.
 */
export function loadScript(name: string, file: URL, numberOfKeys: number): Script {
  const lua = readFileSync(file, "utf8").replace(includeLine, (_line, included: string) => {
    const own = new URL(`${included}.lua`, file);
    return readFileSync(existsSync(own) ? own : new URL(`${included}.lua`, sharedFolder), "utf8");
  });
  return { name: `slipway_${name}`, lua, numberOfKeys };
}

/** Runs a script. @returns its result, as ioredis converts it. */
export function runScript(
  redis: RedisConnection,
  { name, lua, numberOfKeys }: Script,
  keys: readonly string[],
  values: readonly Value[],
): Promise<unknown> {
  if (keys.length !== numberOfKeys) throw new Error(`${name} takes ${numberOfKeys} keys, not ${keys.length}`);
  const names = defined.get(redis) ?? new Set();
  if (!names.has(name)) {
    redis.defineCommand(name, { lua, numberOfKeys });
    defined.set(redis, names.add(name));
  }
  const command: unknown = Reflect.get(redis, name);
  if (typeof command !== "function") throw new Error(`the connection to Redis has no command ${name}`);
  return measured("redis", () => Promise.resolve(Reflect.apply(command, redis, [...keys, ...values])));
}
