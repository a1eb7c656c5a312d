import { RealtimeError, type Client } from "@upwire/client";
import type { ClusterContract } from "./contract.ts";

/** How long a message waits for a connection and its answer, before it is tried anew. Milliseconds. */
const TIMEOUT_MS = 30_000;
const AGAIN_MS = 500;

/**
 * A tab that says one message after the other, each until a server has it. The servers publish each number once, so that it does no harm to
 * say it twice.
 */
export class Publisher {
  readonly #client: Client<ClusterContract>;
  readonly #room: string;
  readonly #onError: (error: RealtimeError) => void;
  #n = 0;
  #queue: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(client: Client<ClusterContract>, room: string, onError: (error: RealtimeError) => void) {
    this.#client = client;
    this.#room = room;
    this.#onError = onError;
  }

  /** The number of the newest message. */
  get last(): number {
    return this.#n;
  }

  /** Messages that no server has confirmed yet. */
  get waiting(): number {
    return this.#waiting;
  }

  say(text?: string): void {
    const n = ++this.#n;
    this.#waiting++;
    this.#queue = this.#queue.then(() => this.#say({ room: this.#room, n, ...(text !== undefined && { text }) }));
  }

  async #say(payload: { readonly room: string; readonly n: number; readonly text?: string }): Promise<void> {
    for (;;) {
      try {
        await this.#client.request("say", payload, { key: true, queue: "keep", timeoutMs: TIMEOUT_MS });
        this.#waiting--;
        return;
      } catch (error) {
        if (error instanceof RealtimeError) this.#onError(error);
        await new Promise((resolve) => void setTimeout(resolve, AGAIN_MS));
      }
    }
  }
}
