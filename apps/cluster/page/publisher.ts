import { RealtimeError, type Client } from "@upwire/client";
import type { ClusterContract } from "../src/contract.ts";

/** How long a message waits for a connection and its answer, before it is tried anew. Milliseconds. */
const TIMEOUT_MS = 30_000;
const AGAIN_MS = 500;

/** Says one message after the other, each until the server has it. The server publishes each number once, so that this may be said twice. */
export class Publisher {
  readonly #client: Client<ClusterContract>;
  readonly #onError: (error: RealtimeError) => void;
  #n = 0;
  #queue: Promise<unknown> = Promise.resolve();
  /** Messages that the server does not have yet. */
  waiting = 0;

  constructor(client: Client<ClusterContract>, onError: (error: RealtimeError) => void) {
    this.#client = client;
    this.#onError = onError;
  }

  say(text?: string): void {
    const n = ++this.#n;
    this.waiting++;
    this.#queue = this.#queue.then(() => this.#say({ n, ...(text !== undefined && { text }) }));
  }

  async #say(payload: { readonly n: number; readonly text?: string }): Promise<void> {
    for (;;) {
      try {
        await this.#client.request("say", payload, { key: true, queue: "keep", timeoutMs: TIMEOUT_MS });
        this.waiting--;
        return;
      } catch (error) {
        if (error instanceof RealtimeError) this.#onError(error);
        await new Promise((resolve) => void setTimeout(resolve, AGAIN_MS));
      }
    }
  }
}
