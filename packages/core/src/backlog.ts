import type { PreparedMessage } from "./prepared-message.ts";

interface Waiting {
  message: PreparedMessage;
  readonly key: string | undefined;
}

/** Messages for a client that is behind, kept back from the socket so that they can still be dropped or replaced. */
export class Backlog {
  readonly #waiting: Waiting[] = [];
  readonly #byKey = new Map<string, Waiting>();
  #bytes = 0;

  get size(): number {
    return this.#waiting.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes of the waiting message with this key; 0 when there is none. */
  bytesOf(key: string): number {
    return this.#byKey.get(key)?.message.frameBytes ?? 0;
  }

  push(message: PreparedMessage, key: string | undefined): void {
    const waiting = { message, key };
    this.#waiting.push(waiting);
    this.#bytes += message.frameBytes;
    if (key !== undefined) this.#byKey.set(key, waiting);
  }

  /** Puts `message` where the waiting one with this key is. At the end, a key that changes often would never come to the front. */
  replace(key: string, message: PreparedMessage): boolean {
    const waiting = this.#byKey.get(key);
    if (waiting === undefined) return false;
    this.#bytes += message.frameBytes - waiting.message.frameBytes;
    waiting.message = message;
    return true;
  }

  /** The one that has waited longest. */
  shift(): PreparedMessage | undefined {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) return undefined;
    this.#bytes -= waiting.message.frameBytes;
    if (waiting.key !== undefined && this.#byKey.get(waiting.key) === waiting) this.#byKey.delete(waiting.key);
    return waiting.message;
  }

  clear(): void {
    this.#waiting.length = 0;
    this.#byKey.clear();
    this.#bytes = 0;
  }
}
