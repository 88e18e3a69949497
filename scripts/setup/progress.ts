// How set-up tells what it does: a line per step, and for a long step a line every few seconds that it lives.

/** Receives one line of progress, without its newline. */
export type Say = (line: string) => void;

/** Tells what happens inside one step. */
export interface Step {
  /** One line under the step's name. */
  tell: (text: string) => void;
  /** Runs `work`, saying what it is at once, that it goes on every 10 s, and how long it took when it was long. */
  during: <T>(text: string, work: (note: (detail: string) => void) => Promise<T>) => Promise<T>;
}

const nameWidth = 10;
const tickMs = 10_000;
const longMs = 1_000;

/** A step whose lines begin with `name`. */
export function step(say: Say, name: string): Step {
  const tell = (text: string) => say(`${name.padEnd(nameWidth)}${text}`);
  return { tell, during: (text, work) => during(tell, text, work) };
}

async function during<T>(
  tell: (text: string) => void,
  text: string,
  work: (note: (detail: string) => void) => Promise<T>,
): Promise<T> {
  const startedAt = Date.now();
  let latest = "";
  tell(`${text} …`);
  const tick = setInterval(() => tell(`… ${seconds(startedAt)} s${latest && `, ${latest}`}`), tickMs);
  try {
    const result = await work((detail) => (latest = detail));
    if (Date.now() - startedAt > longMs) tell(`done in ${seconds(startedAt)} s`);
    return result;
  } finally {
    clearInterval(tick);
  }
}

function seconds(startedAt: number): number {
  return Math.round((Date.now() - startedAt) / 1000);
}
