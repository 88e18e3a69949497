// Reports the progress of setup: a line per step, and a line every few seconds during a long step.

/** Receives one line of progress, without its newline. */
export type PrintLine = (line: string) => void;

/** Reports the progress of one step. */
export interface Step {
  /** Reports one line under the step's name. */
  report: (text: string) => void;
  /** Runs `work`. Reports `text` at the start, the elapsed time every 10 s, and the duration of long work at the end. */
  during: <T>(text: string, work: (note: (detail: string) => void) => Promise<T>) => Promise<T>;
}

const nameWidth = 10;
const tickMs = 10_000;
const longMs = 1_000;

/** Creates a step whose lines begin with `name`. */
export function step(printLine: PrintLine, name: string): Step {
  const report = (text: string) => printLine(`${name.padEnd(nameWidth)}${text}`);
  return { report, during: (text, work) => during(report, text, work) };
}

async function during<T>(
  report: (text: string) => void,
  text: string,
  work: (note: (detail: string) => void) => Promise<T>,
): Promise<T> {
  const startedAt = Date.now();
  let latest = "";
  report(`${text} …`);
  const tick = setInterval(() => report(`… ${seconds(startedAt)} s${latest && `, ${latest}`}`), tickMs);
  try {
    const result = await work((detail) => (latest = detail));
    if (Date.now() - startedAt > longMs) report(`done in ${seconds(startedAt)} s`);
    return result;
  } finally {
    clearInterval(tick);
  }
}

function seconds(startedAt: number): number {
  return Math.round((Date.now() - startedAt) / 1000);
}
