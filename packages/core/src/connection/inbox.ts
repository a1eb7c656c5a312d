/**
 * Messages that no hook and no loop has taken yet. While it is not empty its owner keeps the socket paused, so it holds no more
 * than what one read of the socket brought.
 */
export class Inbox<Item> {
  /** How many that were taken have a hook that has not settled. Its owner counts. */
  running = 0;
  /** Its owner is handing out messages: a message that comes meanwhile must wait until those before it are handed out. */
  isHandingOut = false;
  protected messages: Item[] = [];
  #waiting: ((result: IteratorResult<Item, undefined>) => void) | undefined;
  #ended = false;

  get isEmpty(): boolean {
    return this.messages.length === 0;
  }

  put(message: Item): void {
    if (this.#waiting === undefined) this.messages.push(message);
    else this.#settle({ done: false, value: message });
  }

  /** The oldest message at once, or `undefined`. */
  shift(): Item | undefined {
    return this.messages.shift();
  }

  /** The oldest message as soon as there is one; `done` after `end` when none is left. One caller at a time. */
  take(): Promise<IteratorResult<Item, undefined>> {
    const message = this.messages.shift();
    if (message !== undefined) return Promise.resolve({ done: false, value: message });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    if (this.#waiting !== undefined) return Promise.reject(new Error("The messages of a connection have one reader at a time"));
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  clear(): void {
    this.messages = [];
  }

  /** Nothing more will come of a message that is not complete. @param _error What ends the connection, if it is our own closure. */
  cut(_error?: unknown): void {
    // Here every message is complete.
  }

  /** No more messages will come; those that are here can still be taken. */
  end(): void {
    this.#ended = true;
    this.#settle({ done: true, value: undefined });
  }

  #settle(result: IteratorResult<Item, undefined>): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(result);
  }
}
