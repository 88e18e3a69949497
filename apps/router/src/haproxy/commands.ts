// Sends commands to HAProxy over its Unix socket (HAProxy's management guide, 9.3).

import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { withDeadline } from "@slipway/async";

/** HAProxy executes a command within microseconds, between requests. */
const answerMs = 5_000;
/** A line of commands has to fit into one of HAProxy's buffers. */
const commandsPerLine = 100;

/** Commands to one HAProxy. */
export class Commands {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Executes the command. @returns its output. @throws Error if HAProxy does not answer. */
  async ask(command: string): Promise<string> {
    const socket = connect(this.#path);
    try {
      socket.write(`${command}\n`);
      return await withDeadline(text(socket), { limitMs: answerMs });
    } finally {
      socket.destroy();
    }
  }

  /**
   * Executes commands that change something, in this order.
   * @throws Error if one of them fails. Others may have been executed.
   */
  async change(commands: readonly string[]): Promise<void> {
    for (let index = 0; index < commands.length; index += commandsPerLine) {
      const output = (await this.ask(commands.slice(index, index + commandsPerLine).join(";"))).trim();
      if (output !== "") throw new Error(`HAProxy refused a command: ${output}`);
    }
  }
}
