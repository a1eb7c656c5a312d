import type { StreamedMessage } from "./incoming-stream.ts";

/** The streamed messages of one connection: the one that is being taken, and those that wait for it or for `open`. */
export class StreamInbox {
  readonly #onNext: () => void;
  #current: StreamedMessage | undefined;
  #waiting: StreamedMessage[] = [];

  /** @param onNext The next message can be taken. */
  constructor(onNext: () => void) {
    this.#onNext = onNext;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  put(message: StreamedMessage): void {
    this.#waiting.push(message);
  }

  /** The oldest that waits, if the one before it has been taken to its end. */
  next(): StreamedMessage | undefined {
    if (this.#waiting.length === 0) return undefined;
    if (this.#current?.isTaken === false) {
      this.#current.onTaken = this.#onNext;
      return undefined;
    }
    this.#current = this.#waiting.shift();
    return this.#current;
  }

  /** No more bytes will come: what is not complete fails with `error`. */
  end(error: unknown): void {
    this.#current?.fail(error);
    for (const message of this.#waiting) message.fail(error);
    this.#waiting = this.#waiting.filter(({ isOver }) => !isOver);
  }

  /** The same, and what waits is not given any more. */
  clear(error: unknown): void {
    this.end(error);
    this.#waiting = [];
  }
}
