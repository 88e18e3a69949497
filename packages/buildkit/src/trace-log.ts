// Renders the progress of a build as lines: a heading for each step, its output, and how it ended.

import type { Trace, Vertex } from "./trace.ts";

/** Longer lines are written in pieces, without waiting for their end. */
const longestLineBytes = 16 * 1024;
const newline = 0x0a;
/** BuildKit's own steps, of which only failures are shown. */
const internal = /^(\[internal\]|copy \/context|resolve image config|http:\/\/buildkit-session\/)/;

interface Step {
  readonly vertex: Vertex;
  /** Output after the last newline. */
  readonly rest: Uint8Array;
}

/** The steps of one build, read from its reports. */
export class TraceLog {
  #steps = new Map<string, Step>();
  #finished = new Set<string>();
  /** Digest of the step whose heading was written last. */
  #current = "";

  /** @returns the text to log. */
  read({ vertexes, outputs }: Trace): Buffer {
    const parts: Uint8Array[] = [];
    for (const vertex of vertexes)
      this.#steps.set(vertex.digest, {
        vertex,
        rest: this.#steps.get(vertex.digest)?.rest ?? new Uint8Array(),
      });
    for (const { vertex, bytes } of outputs) parts.push(...this.#output(vertex, bytes));
    for (const { digest } of vertexes) parts.push(...this.#end(digest));
    return Buffer.concat(parts);
  }

  /** The failed step; null if none failed. A step that was canceled because another one failed does not count. */
  failed(): Vertex | null {
    const failures = [...this.#steps.values()]
      .map(({ vertex }) => vertex)
      .filter(({ error }) => error !== "");
    return failures.find(({ error }) => !/context canceled/.test(error)) ?? failures[0] ?? null;
  }

  #output(digest: string, bytes: Uint8Array): Uint8Array[] {
    const step = this.#steps.get(digest);
    if (step === undefined) return [];
    const text = Buffer.concat([step.rest, bytes]);
    const end = text.length > longestLineBytes ? text.length : text.lastIndexOf(newline) + 1;
    this.#steps.set(digest, { ...step, rest: text.subarray(end) });
    return end === 0 ? [] : [...this.#heading(step.vertex), text.subarray(0, end)];
  }

  #end(digest: string): Uint8Array[] {
    const step = this.#steps.get(digest);
    if (step === undefined || step.vertex.completedMs === null || this.#finished.has(digest)) return [];
    const { vertex, rest } = step;
    if (internal.test(vertex.name) && vertex.error === "") return [];
    this.#finished.add(digest);
    if (vertex.cached) return [line(`-----> ${vertex.name}`), line("       CACHED")];
    const output = rest.length === 0 ? [] : [Buffer.concat([rest, Buffer.from("\n")])];
    this.#steps.set(digest, { vertex, rest: new Uint8Array() });
    const seconds = (vertex.completedMs! - (vertex.startedMs ?? vertex.completedMs!)) / 1000;
    const end = `${vertex.error === "" ? "Done" : "Failed"} after ${seconds.toFixed(1)} s`;
    return [...this.#heading(vertex), ...output, line(`       ${end}`)];
  }

  /** Steps run concurrently, so a step whose output continues after another step's output gets its heading again. */
  #heading({ digest, name }: Vertex): Uint8Array[] {
    if (this.#current === digest) return [];
    this.#current = digest;
    return [line(`-----> ${name}`)];
  }
}

/** Writes a step's name of several lines as one line. */
function line(text: string): Buffer {
  return Buffer.from(`${text.replaceAll(/\s*\n\s*/g, " ")}\n`);
}
