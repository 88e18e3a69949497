// Reads control files of apps: TOML, JSON and text.

import { SlipwayError } from "@slipway/core";
import { parse } from "smol-toml";
import type { LanguageSource } from "./language.ts";

/** A parsed document of unknown structure. */
export type Table = Readonly<Record<string, unknown>>;

/** @returns "" when the app has no such file. */
export function textOf({ read }: Pick<LanguageSource, "read">, name: string): string {
  return (
    read(name)
      ?.toString("utf8")
      .replace(/^\uFEFF/, "") ?? ""
  );
}

/** @returns an empty table when the app has no such file. @throws {SlipwayError} "build-failed" when it is not TOML. */
export function tomlOf(source: LanguageSource, name: string): Table {
  return parsed(source, name, "TOML", parse);
}

/** @returns an empty table when the app has no such file. @throws {SlipwayError} "build-failed" when it is not a JSON object. */
export function jsonOf(source: LanguageSource, name: string): Table {
  return parsed(source, name, "JSON", (text) => tableOf(JSON.parse(text)));
}

/** @returns the value at a path of keys; undefined when there is none. */
export function fieldOf(table: Table, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => tableOf(value)[key], table);
}

/** @returns the text at a path of keys; "" when there is none. */
export function stringOf(table: Table, ...path: readonly string[]): string {
  const value = fieldOf(table, ...path);
  return typeof value === "string" ? value : "";
}

/** @returns the tables of an array; empty when the value is no array. */
export function tablesOf(value: unknown): readonly Table[] {
  return Array.isArray(value) ? value.map(tableOf) : [];
}

/** @returns the value if it is a table, otherwise an empty table. */
export function tableOf(value: unknown): Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Table) : {};
}

/** @returns the strings of an array; empty when the value is no array. */
export function stringsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

function parsed(
  source: LanguageSource,
  name: string,
  format: string,
  parseText: (text: string) => Table,
): Table {
  const text = textOf(source, name);
  if (text === "") return {};
  try {
    return parseText(text);
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    throw new SlipwayError("build-failed", `${name} is not valid ${format}: ${reason}`, { cause: error });
  }
}
