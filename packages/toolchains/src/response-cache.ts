// The last responses of a registry: current for some minutes, and used longer while the registry does not respond.

import { ResponseStore } from "./response-store.ts";
import type { ResponseStoreOptions } from "./response-store.ts";
import { SharedWork } from "./shared-work.ts";

export interface ResponseCacheOptions extends ResponseStoreOptions {
  readonly now: () => Date;
}

interface Remembered {
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly until: number;
}

const freshMs = 10 * 60_000;
/** After a failed request, the stored response is used for this long before the next request. */
const fallbackMs = 60_000;

/** Responses by name. They are stored in the blob store, so other and restarted processes have them. */
export class ResponseCache {
  readonly #texts: ResponseStore;
  readonly #now: () => Date;
  readonly #loading = new SharedWork<string>();
  readonly #memory = new Map<string, Remembered>();

  constructor({ now, ...options }: ResponseCacheOptions) {
    this.#now = now;
    this.#texts = new ResponseStore(options);
  }

  /**
   * @param request gets the response from the registry. Concurrent calls share one request.
   * @throws the request's error, if there is no earlier response; the signal's reason when aborted.
   */
  async get(
    name: string,
    request: (signal: AbortSignal) => Promise<string>,
    signal: AbortSignal,
  ): Promise<string> {
    const found = this.#memory.get(name);
    if (found !== undefined && this.#now().getTime() < found.until) return found.text;
    return await this.#loading.join(name, (shared) => this.#load(name, request, shared), signal);
  }

  async #load(
    name: string,
    request: (signal: AbortSignal) => Promise<string>,
    signal: AbortSignal,
  ): Promise<string> {
    const former = this.#memory.get(name)?.text;
    try {
      const text = await request(signal);
      this.#remember(name, text, freshMs);
      if (text !== former) await this.#texts.put("answer", name, text);
      return text;
    } catch (error) {
      signal.throwIfAborted();
      const kept = former ?? (await this.#texts.get("answer", name));
      if (kept === null) throw error;
      this.#remember(name, kept, fallbackMs);
      return kept;
    }
  }

  #remember(name: string, text: string, forMs: number): void {
    this.#memory.set(name, { text, until: this.#now().getTime() + forMs });
  }
}
