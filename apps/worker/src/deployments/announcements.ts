// Announces work that attempts share, in the logs of all attempts that wait for it.

type LineListener = (line: string) => void;

export class Announcements {
  readonly #listeners = new Set<LineListener>();
  readonly #lines = new Set<string>();

  /** @param listener receives the lines of current work, and of all work that begins until the result is disposed; each line once. */
  listen(listener: LineListener): Disposable {
    const sent = new Set<string>();
    const once = (line: string): void => {
      if (!sent.has(line)) listener(line);
      sent.add(line);
    };
    for (const line of this.#lines) once(line);
    this.#listeners.add(once);
    return { [Symbol.dispose]: () => this.#listeners.delete(once) };
  }

  /** Announces work, which continues until the result is disposed. */
  announce(line: string): Disposable {
    this.#lines.add(line);
    for (const listener of this.#listeners) listener(line);
    return { [Symbol.dispose]: () => this.#lines.delete(line) };
  }
}
