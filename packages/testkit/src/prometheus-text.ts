// Scrapes an endpoint of metrics and parses Prometheus' text format.

export interface ScrapedMetrics {
  /** By the metric's name: its type and its help. */
  readonly families: ReadonlyMap<string, { readonly type: string; readonly help: string }>;
  readonly samples: readonly ScrapedSample[];
  /** The value of the only sample with this name and these labels; undefined without one. Throws when there are several. */
  readonly value: (name: string, labels?: Readonly<Record<string, string>>) => number | undefined;
}

interface ScrapedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** @throws {Error} for another status than 200, and for text that is not in the format. */
export async function scrapeMetrics(url: string): Promise<ScrapedMetrics> {
  const response = await fetch(url);
  if (response.status !== 200) throw new Error(`${url} returned ${response.status}`);
  return parsePrometheusText(await response.text());
}

function parsePrometheusText(text: string): ScrapedMetrics {
  const families = new Map<string, { type: string; help: string }>();
  const samples: ScrapedSample[] = [];
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const [, keyword, name, rest] = /^# (HELP|TYPE|UNIT) (\S+) (.*)$/.exec(line) ?? [];
    if (name === undefined) samples.push(sampleOf(line));
    else if (keyword === "HELP") families.set(name, { type: "untyped", help: rest ?? "" });
    else if (keyword === "TYPE") families.set(name, { help: "", ...families.get(name), type: rest ?? "" });
  }
  return {
    families,
    samples,
    value: (name, labels = {}) => {
      const found = samples.filter(
        (sample) =>
          sample.name === name &&
          Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
      );
      if (found.length > 1) throw new Error(`${found.length} samples match ${name}`);
      return found[0]?.value;
    },
  };
}

function sampleOf(line: string): ScrapedSample {
  const [, name, inBraces = "", value] =
    /^([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? (\S+)$/.exec(line) ?? [];
  if (name === undefined || value === undefined) throw new Error(`not in Prometheus' text format: ${line}`);
  const labels = Array.from(inBraces.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g), ([, label, text]) => [
    label,
    (text ?? "").replaceAll(/\\(.)/g, (_escaped, character: string) =>
      character === "n" ? "\n" : character,
    ),
  ]);
  return { name, labels: Object.fromEntries(labels), value: value === "+Inf" ? Infinity : Number(value) };
}
