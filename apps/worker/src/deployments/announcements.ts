// What work that attempts share is doing, for the logs of all that wait for it.

type Say = (line: string) => void;

export class Announcements {
  readonly #audience = new Set<Say>();
  readonly #lines = new Set<string>();

  /** @param say gets the lines of the work that goes on, and of all that begins until the result is disposed of; each once. */
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

  /** Work begins. It goes on until the result is disposed of. */
  announce(line: string): Disposable {
    this.#lines.add(line);
    for (const say of this.#audience) say(line);
    return { [Symbol.dispose]: () => this.#lines.delete(line) };
  }
}
