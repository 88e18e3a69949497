// .slugignore: paths of a built app that are omitted from its image. Each line is a glob with the syntax of Go's filepath.Match.

export interface SlugIgnore {
  /** @param path relative to the app's root, without a leading slash. True also for paths below an ignored directory. */
  readonly ignores: (path: string) => boolean;
  /** One message per invalid line, for the deployment's log. Invalid lines have no effect. */
  readonly problems: readonly string[];
}

/** Part of a pattern: any run of characters, or one character that passes the test. */
type Part = "any-run" | ((character: string) => boolean);
type Pattern = readonly (readonly Part[])[];

const maxPatterns = 1000;

/** Patterns are relative to the app's root: `*.log` matches files there, `docs/*.pdf` files in docs. `#` begins a comment. */
export function parseSlugIgnore(text: string): SlugIgnore {
  const patterns: Pattern[] = [];
  const problems: string[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const glob = raw.trim().replace(/^\/+/, "").replace(/\/+$/, "");
    if (glob === "" || glob.startsWith("#")) continue;
    const pattern = glob.split("/").map(parseSegment);
    if (patterns.length >= maxPatterns)
      problems.push(`.slugignore line ${index + 1}: more than ${maxPatterns} patterns`);
    else if (pattern.every((segment) => segment !== null)) patterns.push(pattern);
    else problems.push(`.slugignore line ${index + 1}: "${glob.slice(0, 80)}" is not a valid pattern`);
  }
  return {
    problems: problems.slice(0, 20),
    ignores: (path) => {
      if (patterns.length === 0) return false;
      const names = path.split("/").map((name) => Array.from(name));
      return patterns.some((pattern) => coversPath(pattern, names));
    },
  };
}

/** Whether the pattern matches the path or a directory above it. */
function coversPath(pattern: Pattern, names: readonly (readonly string[])[]): boolean {
  return (
    pattern.length <= names.length && pattern.every((segment, at) => matchesName(segment, names[at] ?? []))
  );
}

/** Backtracks only to the last any-run, so the time is at most proportional to pattern length × name length. */
function matchesName(parts: readonly Part[], name: readonly string[]): boolean {
  let part = 0;
  let at = 0;
  let retry: { part: number; at: number } | null = null;
  while (at < name.length) {
    const current = parts[part];
    if (current === "any-run") {
      retry = { part: ++part, at };
    } else if (current?.(name[at] ?? "") === true) {
      part++;
      at++;
    } else if (retry !== null) {
      retry.at++;
      ({ part, at } = retry);
    } else {
      return false;
    }
  }
  return parts.slice(part).every((rest) => rest === "any-run");
}

/** @returns null when the segment is malformed. */
function parseSegment(segment: string): readonly Part[] | null {
  const characters = Array.from(segment);
  const parts: Part[] = [];
  while (characters.length > 0) {
    const part = parsePart(characters);
    if (part === null) return null;
    parts.push(part);
  }
  return parts;
}

/** Removes one part from the front of the characters. @returns null when it is malformed. */
function parsePart(characters: string[]): Part | null {
  const first = characters.shift();
  if (first === "*") return "any-run";
  if (first === "?") return () => true;
  if (first === "[") return parseClass(characters);
  const literal = first === "\\" ? characters.shift() : first;
  return literal === undefined ? null : (character) => character === literal;
}

function parseClass(characters: string[]): Part | null {
  const negated = characters[0] === "^";
  if (negated) characters.shift();
  const ranges: (readonly [string, string])[] = [];
  while (characters[0] !== "]" || ranges.length === 0) {
    const from = classCharacter(characters);
    const to = characters[0] === "-" ? (characters.shift(), classCharacter(characters)) : from;
    if (from === null || to === null) return null;
    ranges.push([from, to]);
  }
  characters.shift();
  return (character) => ranges.some(([from, to]) => from <= character && character <= to) !== negated;
}

function classCharacter(characters: string[]): string | null {
  const first = characters.shift();
  if (first === undefined || first === "-" || first === "]") return null;
  return first === "\\" ? (characters.shift() ?? null) : first;
}
