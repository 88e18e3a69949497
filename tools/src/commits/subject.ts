// Whether the subject of a commit message looks imperative: "Stop the stream crashing", not "Stopped" or "The stream".

/** Words that a sentence starts with when it describes a state instead of giving an order. */
const noVerbs = new Set(
  "A An The This That These Those It Its All Any Both Each Every No Not Some Many One Two What When Where Which Who How Why Now Also Then There In On Of At By For From With Without After Before Until To As If".split(
    " ",
  ),
);
/** Imperatives that look inflected. */
const verbs = new Set(
  "Bring Ping Ring String Embed Feed Heed Need Proceed Exceed Seed Shed Speed Succeed Alias Bias Focus".split(
    " ",
  ),
);

/** A heuristic: it accepts nouns such as "Router", but no article, no "…ed", no "…ing" and no "…s". */
export function startsImperatively(subject: string): boolean {
  const [first = ""] = subject.split(/[\s,;]/);
  if (!/^[A-Z][a-z]+(-[a-z]+)?$/.test(first) || noVerbs.has(first)) return false;
  return verbs.has(first) || !/(ed|ing|[^s]s)$/.test(first);
}
