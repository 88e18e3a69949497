// Announces work that attempts share, in the logs of all attempts that wait for it.

type Say = (line: string) => void;

export class Announcements {
  readonly #audience = new Set<Say>();
  readonly #lines = new Set<string>();

  /** @param say receives the lines of current work, and of all work that begins until the result is disposed; each line once. */
  listen(say: Say): Disposable {
    const said = new Set<string>();
    const once = (line: string): void => {
      if (!said.has(line)) say(line);
      said.add(line);
    };
    for (const line of this.#lines) once(line);
    this.#audience.add(once);
    return { [Symbol.dispose]: () => this.#audience.delete(once) };
  }

  /** Announces work, which continues until the result is disposed. */
  announce(line: string): Disposable {
    this.#lines.add(line);
    for (const say of this.#audience) say(line);
    return { [Symbol.dispose]: () => this.#lines.delete(line) };
  }
}
