// Colors a line of a deployment's log.

import colors from "picocolors";

/** Colors headings and errors of the log. */
export function paintLine(content: string): string {
  if (content.startsWith("----->")) return colors.bold(colors.green(content));
  if (content.startsWith(" !     ")) return colors.red(content);
  return content;
}
