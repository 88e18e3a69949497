// Splits a line with escape sequences into parts with CSS classes, and removes the sequences.

import Anser from "anser";

/** A part of a line with one look. */
export interface Part {
  readonly text: string;
  /** CSS classes in style.css; empty for plain text. */
  readonly look: string;
}

const escape = String.fromCodePoint(27);
const control = new RegExp(`${escape}\\[[0-9;?]*[A-Za-z]`, "g");

/** @returns the parts of a line, with only the text that a terminal would show. */
export function partsOf(line: string): readonly Part[] {
  const shown = afterReturn(line);
  if (!shown.includes(escape)) return [{ text: shown, look: "" }];
  return Anser.ansiToJson(shown, { json: true, remove_empty: true, use_classes: true }).map(
    ({ content, fg, bg, decorations }) => ({
      text: content,
      look: [classOf(fg), bg === null || bg === "" ? "" : `bg-${classOf(bg)}`, ...decorations]
        .filter((name) => /^[\w-]+$/.test(name))
        .join(" "),
    }),
  );
}

/** @returns the text of a line without escape sequences. */
export function plainOf(line: string): string {
  const shown = afterReturn(line);
  return shown.includes(escape) ? shown.replaceAll(control, "") : shown;
}

/** A terminal overwrites the text before a carriage return. */
function afterReturn(line: string): string {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  return text.slice(text.lastIndexOf("\r") + 1);
}

function classOf(name: string | null): string {
  return name ?? "";
}
