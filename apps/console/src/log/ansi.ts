// Turns escape sequences of a line into parts with classes, and removes them.

import Anser from "anser";

/** A part of a line with one look. */
export interface Part {
  readonly text: string;
  /** Classes of style.css; empty for plain text. */
  readonly look: string;
}

const escape = String.fromCodePoint(27);
const control = new RegExp(`${escape}\\[[0-9;?]*[A-Za-z]`, "g");

/** @returns the parts of a line. Only what a terminal would show is left. */
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

/** A terminal overwrites what stands before a carriage return. */
function afterReturn(line: string): string {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  return text.slice(text.lastIndexOf("\r") + 1);
}

function classOf(name: string | null): string {
  return name ?? "";
}
