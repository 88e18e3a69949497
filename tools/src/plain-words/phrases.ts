// Phrases that the code and the documents avoid, and the standard term or construction for each.

interface Phrase {
  readonly pattern: RegExp;
  readonly instead: string;
}

export interface Finding {
  /** Numbered from 1. */
  readonly line: number;
  readonly text: string;
  readonly instead: string;
}

const phrases: readonly Phrase[] = [
  { pattern: /\bwhoever\b/gi, instead: "name the subject: a client, a user, a process" },
  {
    pattern: /\bhand(s|ed|ing)?\s(\w+\s){0,3}?back\b/gi,
    instead: "requeue, return",
  },
  { pattern: /\bput(s|ting)?\s(\w+\s)?right\b/gi, instead: "repair, fix, reconcile" },
  { pattern: /\bsigns?\sof\slife\b/gi, instead: "heartbeat" },
  { pattern: /\brid\sof\b/gi, instead: "remove, release; of routers: confirm" },
  { pattern: /\b(is|are|was|were|be|been|being|not)\stold\b/gi, instead: "notify, receive, log" },
  // In quotes it is the name of a Redis queue.
  { pattern: /(?<!")\bupkeep\b/gi, instead: "housekeeping, maintenance" },
  { pattern: /\bpatience\b/gi, instead: "retry, timeout" },
  { pattern: /\bso\slong\san?\b/gi, instead: "how long" },
  { pattern: /\bof\sone's\sown\b/gi, instead: "custom, private" },
  {
    pattern: /(?:\/\*\*|\/\/) (?:Of|That of|Those of)\b/g,
    instead: "begin the comment with what it describes",
  },
];

/** The phrases in a text, in order. In Markdown, code is not searched: it contains the names of the code. */
export function phrasesIn(text: string, isMarkdown = false): Finding[] {
  const searched = isMarkdown ? text.replaceAll(/^```[^]*?^```$|`[^`\n]+`/gm, blank) : text;
  return phrases
    .flatMap(({ pattern, instead }) =>
      Array.from(searched.matchAll(pattern), (match) => ({
        line: searched.slice(0, match.index).split("\n").length,
        text: match[0].replaceAll(/\s+/g, " "),
        instead,
      })),
    )
    .toSorted((one, other) => one.line - other.line);
}

/** Replaces the code but keeps its line breaks, so that line numbers stay the same. */
function blank(code: string): string {
  return code.replaceAll(/[^\n]/g, "·");
}
